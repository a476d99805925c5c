import type { LanguageModelV3 } from "@ai-sdk/provider";
import type { ChatMessage, ImagePart } from "../requests/chatMessages.ts";
import type { Takes } from "./takes.ts";
import { notTaken } from "./upstreamErrors.ts";

/** The key in a provider's {@link Takes} that says it takes a picture's `detail`. */
export const IMAGE_DETAIL = "image_url.detail";

/**
 * A picture behind a URL is for a provider that fetches it itself: the gateway fetches nothing that a stranger names.
 *
 * @throws ApiError 400 `unsupported_parameter`
 */
export async function checkPictures(
  messages: readonly ChatMessage[],
  model: LanguageModelV3,
  takes: Takes,
): Promise<void> {
  const pictures = messages.flatMap((message, i) => picturesOf(message, `messages[${i}].content`));
  if (pictures.length === 0) return;
  const patterns = Object.entries(await model.supportedUrls).flatMap(([type, urls]) => (isImage(type) ? urls : []));
  for (const { at, image_url } of pictures) {
    const { url, detail } = image_url;
    const isTaken = url.startsWith("data:") || patterns.some((pattern) => pattern.test(url));
    if (!isTaken)
      throw notTaken(`${at}.image_url.url`, `${at}.image_url.url: this model takes pictures as data URLs only`);
    if (detail && detail !== "auto" && takes[IMAGE_DETAIL] === undefined) throw notTaken(`${at}.image_url.detail`);
  }
}

function picturesOf(message: ChatMessage, at: string): (ImagePart & { at: string })[] {
  if (message.role !== "user" || typeof message.content === "string") return [];
  return message.content.flatMap((part, i) => (part.type === "image_url" ? [{ ...part, at: `${at}[${i}]` }] : []));
}

function isImage(mediaType: string): boolean {
  return mediaType === "*" || mediaType.startsWith("image/");
}
