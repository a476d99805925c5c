import type { Upstream, UpstreamSettings } from "../upstream.ts";
import { createAnthropicUpstream } from "./anthropic.ts";
import { createBytedanceUpstream } from "./bytedance.ts";
import { createGoogleUpstream } from "./google.ts";
import { createLocalUpstream } from "./local.ts";
import { createOpenAiUpstream } from "./openai.ts";

/** The first part of a model's name on the network, and who serves it. A new provider is a file and a line here. */
export const UPSTREAMS: Readonly<Record<string, (settings: UpstreamSettings) => Upstream>> = {
  openai: createOpenAiUpstream,
  anthropic: createAnthropicUpstream,
  google: createGoogleUpstream,
  bytedance: createBytedanceUpstream,
  local: createLocalUpstream,
};
