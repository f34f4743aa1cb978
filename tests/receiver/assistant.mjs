import { createOpenAI } from "@ai-sdk/openai";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { generateText, stepCountIs, tool } from "ai";
import { z } from "zod";

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();

const openai = createOpenAI({ apiKey: "none" });
const price = tool({
  description: "The price of a plan",
  inputSchema: z.object({ plan: z.string() }),
  execute: async ({ plan }) => ({ plan, eur: 29 }),
});
const { text } = await generateText({
  model: openai.chat("gpt-4o-mini"),
  prompt: "What does the Team plan cost?",
  tools: { price },
  stopWhen: stepCountIs(3),
  experimental_telemetry: { isEnabled: true, functionId: "assistant", metadata: { userId: "ada", sessionId: "node" } },
});
console.log(text);
await provider.shutdown();
