/** A fault that no frame of the server told: something a person did here went wrong. */

import type { Fault } from "./frames";

export function faultOf(message: string): Fault {
  return {
    type: "error",
    id: null,
    code: "refused",
    message,
    session_id: "",
    run_id: "",
    input: "",
    findings: [],
    retry_after_s: 0,
  };
}
