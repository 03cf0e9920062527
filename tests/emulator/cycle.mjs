// OpenAI's Node SDK through the whole cycle; prints what it saw as JSON.
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "any" });
const lines = [0, 1, 2].map((number) => ({
  custom_id: `item-${number}`,
  method: "POST",
  url: "/v1/chat/completions",
  body: { model: "gpt-4o-mini", messages: [{ role: "user", content: `What is ${number} + 1?` }] },
}));
const content = lines.map((line) => JSON.stringify(line)).join("\n") + "\n";

const model = await client.models.retrieve("gpt-4o-mini");
const file = await client.files.create({ file: await toFile(Buffer.from(content), "in.jsonl"), purpose: "batch" });
const created = await client.batches.create({
  input_file_id: file.id,
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
  metadata: { job: "node" },
});
let batch = created;
while (batch.status !== "completed") {
  await new Promise((resolve) => setTimeout(resolve, 20));
  batch = await client.batches.retrieve(created.id);
}
const output = await (await client.files.content(batch.output_file_id)).text();
const listed = [];
for await (const one of client.batches.list({ limit: 1 })) listed.push(one.id);
const second = await client.batches.create({
  input_file_id: file.id,
  endpoint: "/v1/chat/completions",
  completion_window: "24h",
});
const cancelling = await client.batches.cancel(second.id);
const deleted = await client.files.delete(file.id);
let missing = null;
try {
  await client.files.retrieve(file.id);
} catch (error) {
  missing = error.status;
}

const answers = {};
for (const line of output.trimEnd().split("\n").map((text) => JSON.parse(text))) {
  answers[line.custom_id] = line.response.body.choices[0].message.content;
}
console.log(
  JSON.stringify({
    model: model.id,
    bytes: file.bytes,
    created: created.status,
    counts: batch.request_counts,
    metadata: batch.metadata,
    answers,
    listed: listed.length,
    cancelling: cancelling.status,
    deleted: deleted.deleted,
    missing,
  }),
);
