/**
 * Chats among plain values: messages as clients write them (`{role, content}`), as LangChain does (`{type: "human"}`,
 * or `{lc: 1, id: [..., "HumanMessage"], kwargs}`) or as pairs (`["user", "Hi"]`), alone or under the key `messages`. They are shown as a chat; what is not surely one
 * stays JSON.
 */

import { isLong, isObject, parseJson, textOf, type Json, type JsonObject, type Message, type Part } from "./types.ts";

export interface Chat {
  messages: Message[];
  /** What stood beside the messages. */
  rest: JsonObject;
}

const ROLES: Record<string, string> = {
  system: "system", developer: "developer", user: "user", human: "user", assistant: "assistant", ai: "assistant", tool: "tool", function: "tool",
};

/** The chat in a value, or null when it is something else. */
export function chatIn(value: Json): Chat | null {
  if (Array.isArray(value)) return chatOf(value, {});
  if (!isObject(value) || isLong(value)) return null;
  const { messages, ...rest } = value;
  return Array.isArray(messages) ? chatOf(messages, rest) : null;
}

function chatOf(items: Json[], rest: JsonObject): Chat | null {
  if (items.length === 0) return null;
  const messages = items.map(messageOf);
  return messages.every((each) => each !== null) ? { messages, rest } : null;
}

function messageOf(given: Json): Message | null {
  if (Array.isArray(given)) {
    const [said, text] = given;
    const role = roleOf(said);
    return given.length === 2 && role !== null && isText(text) ? { role, parts: partsOf(text) } : null;
  }
  if (!isObject(given) || isLong(given)) return null;
  const item = made(given);
  const role = roleOf(item.role ?? item.type);
  if (role === null || !("content" in item || "parts" in item || "tool_calls" in item)) return null;
  const named = typeof item.name === "string" && item.name !== "" ? { name: item.name } : {};
  if (Array.isArray(item.parts)) return item.parts.every(isPart) ? { role, parts: item.parts as unknown as Part[], ...named } : null;
  const id = item.tool_call_id;
  if (role === "tool" && typeof id === "string") {
    return { role, parts: [{ type: "tool_call_response", id, response: item.content ?? null, ...named }] };
  }
  return { role, parts: [...partsOf(item.content), ...callsOf(item.tool_calls)], ...named };
}

/** What LangChain's serialized message was made of; its class says whose it is. */
function made(item: JsonObject): JsonObject {
  const { lc, id, kwargs } = item;
  if (lc !== 1 || !Array.isArray(id) || !isObject(kwargs)) return item;
  return { type: textOf(id.at(-1)).replace(/Message(Chunk)?$/, "").toLowerCase(), ...kwargs };
}

const TEXTS = new Set(["text", "input_text", "output_text"]);
const roleOf = (said: Json | undefined): string | null => (typeof said === "string" && Object.hasOwn(ROLES, said) ? (ROLES[said] as string) : null);
const isText = (value: Json | undefined): value is Json => typeof value === "string" || isLong(value);
const isPart = (value: Json): boolean => isObject(value) && typeof value.type === "string";

function partsOf(content: Json | undefined): Part[] {
  if (content === undefined || content === null || content === "") return [];
  if (isText(content)) return [{ type: "text", content }];
  return (Array.isArray(content) ? content : [content]).map(partOf);
}

function partOf(item: Json): Part {
  if (isText(item)) return { type: "text", content: item };
  if (!isObject(item)) return { type: "value", value: item };
  const { type, text, image_url: image } = item as JsonObject;
  if (typeof type === "string" && TEXTS.has(type) && isText(text)) return { type: "text", content: text };
  if (type === "image_url" || type === "input_image") {
    const given = isObject(image) && !isLong(image) ? image.url : image;
    const url = textOf(given);
    if (/^data:/i.test(url)) return { type: "text", content: given as Json }; // shown as the picture that it is
    if (url !== "") return { type: "uri", modality: "image", uri: url };
  }
  return { ...(item as JsonObject), type: typeof type === "string" ? type : "value" };
}

/** Calls as OpenAI writes them (`function`, arguments as text) and as LangChain does (`args`). */
function callsOf(calls: Json | undefined): Part[] {
  if (!Array.isArray(calls)) return [];
  return calls.map((call) => {
    if (!isObject(call)) return { type: "value", value: call };
    const inner = isObject(call.function) ? call.function : call;
    return { type: "tool_call", id: call.id ?? null, name: inner.name ?? null, arguments: parsed(inner.arguments ?? inner.args ?? null) };
  });
}

function parsed(given: Json): Json {
  if (typeof given !== "string") return given;
  try {
    return parseJson(given);
  } catch {
    return given; // a model may write anything
  }
}
