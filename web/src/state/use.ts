/** What model calls used, added up. */

import type { EventOf } from "./events";
import type { ModelUse } from "./model";

export function addUse(use: ModelUse, call: EventOf<"model.call">): ModelUse {
  return {
    calls: use.calls + 1,
    promptTokens: use.promptTokens + call.prompt_tokens,
    completionTokens: use.completionTokens + call.completion_tokens,
    cachedTokens: use.cachedTokens + call.cached_tokens,
    usd: use.usd + (call.cost_usd ?? 0),
    unpriced: use.unpriced + (call.cost_usd === null ? 1 : 0),
    seconds: use.seconds + call.seconds,
    waitedSeconds: use.waitedSeconds + call.waited_s,
  };
}
