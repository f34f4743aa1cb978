import { describe, expect, it } from "vitest";
import { chatIn } from "../src/core/chat.ts";
import type { JsonObject } from "../src/core/types.ts";

const text = (content: string): object => ({ type: "text", content });

describe("chats among plain values", () => {
  it("reads messages as clients write them, alone or under their key", () => {
    const messages = [{ role: "system", content: "Be brief." }, { role: "user", content: "Hi", name: "ada" }];
    const shown = [{ role: "system", parts: [text("Be brief.")] }, { role: "user", parts: [text("Hi")], name: "ada" }];
    expect(chatIn(messages)).toEqual({ messages: shown, rest: {} });
    expect(chatIn({ messages, turn: 2 })).toEqual({ messages: shown, rest: { turn: 2 } });
  });

  it("reads LangChain's messages and its pairs", () => {
    const state = [["user", "Price?"], { type: "ai", content: "", tool_calls: [{ name: "price", args: { plan: "Team" }, id: "c1" }] }, { type: "tool", content: "29 EUR", tool_call_id: "c1", name: "price" }];
    expect(chatIn({ messages: state })?.messages).toEqual([
      { role: "user", parts: [text("Price?")] },
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "price", arguments: { plan: "Team" } }] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c1", name: "price", response: "29 EUR" }] },
    ]);
  });

  it("reads LangChain's messages as they are serialized", () => {
    const serialized = (name: string, kwargs: JsonObject): JsonObject => ({ lc: 1, type: "constructor", id: ["langchain_core", "messages", name], kwargs });
    const calls = [{ name: "price", args: { plan: "Team" }, id: "c1" }];
    const state = [serialized("HumanMessage", { content: "Price?" }), serialized("AIMessageChunk", { content: "", tool_calls: calls }), serialized("ToolMessage", { content: "29 EUR", tool_call_id: "c1" })];
    expect(chatIn({ messages: state })?.messages).toEqual([
      { role: "user", parts: [text("Price?")] },
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "price", arguments: { plan: "Team" } }] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "29 EUR" }] },
    ]);
    expect(chatIn([serialized("Document", { content: "x" })])).toBeNull();
  });

  it("reads OpenAI's calls and parts; arguments that are no JSON stay text", () => {
    const calls = [{ id: "c1", type: "function", function: { name: "f", arguments: "{oops" } }];
    const picture = { type: "image_url", image_url: { url: "https://a.example/x.png" } };
    expect(chatIn([{ role: "user", content: [{ type: "text", text: "See" }, picture] }, { role: "assistant", content: null, tool_calls: calls }])?.messages).toEqual([
      { role: "user", parts: [text("See"), { type: "uri", modality: "image", uri: "https://a.example/x.png" }] },
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "f", arguments: "{oops" }] },
    ]);
  });

  it("reads pictures in data URLs as the texts that are shown as pictures, also when they were cut", () => {
    const long = { $long: true, size: 9000, head: "data:image/png;base64,", path: [0, "content", 0, "image_url", "url"], field: "input" };
    const content = [{ type: "image_url", image_url: { url: long } }, { type: "input_image", image_url: "data:image/png;base64,AA" }];
    expect(chatIn([{ role: "user", content }])?.messages[0]?.parts).toEqual([{ type: "text", content: long }, text("data:image/png;base64,AA")]);
  });

  it("keeps texts that were cut, so that the rest can be asked for", () => {
    const long = { $long: true, size: 9000, head: "Once", path: ["messages", 0, "content"], field: "input" };
    expect(chatIn({ messages: [{ role: "user", content: long }] })?.messages[0]?.parts).toEqual([{ type: "text", content: long }]);
  });

  it.each([
    ["nothing", null], ["a text", "user: hi"], ["an empty list", []], ["no messages", { messages: [] }], ["other records", [{ role: "admin", content: "x" }]],
    ["records with a role alone", [{ role: "user", age: 5 }]], ["one that is none", [{ role: "user", content: "Hi" }, 5]], ["pairs of numbers", [["user", 5]]],
    ["a cut text", { $long: true, size: 9, head: "h", path: [], field: "input" }], ["types of other things", { messages: [{ type: "text", content: "x" }] }], ["an inherited name", [{ role: "constructor", content: "x" }]],
  ])("leaves %s alone", (_, value) => {
    expect(chatIn(value as never)).toBeNull();
  });
});
