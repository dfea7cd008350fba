/** Makes drawings beside the page, so that a large plan never holds up what a person does. */

import { drawn } from "./layout";
import type { Shape } from "./shape";

self.onmessage = (message: MessageEvent<{ order: number; shape: Shape }>) => {
  const { order, shape } = message.data;
  self.postMessage({ order, drawing: drawn(shape) });
};
