// Sends logs with the OpenTelemetry SDK for Node: `otlp_node.mjs http://127.0.0.1:4318/v1/logs json`.
// The second argument is `json` or `protobuf`. Ends with an error unless every batch was acknowledged.

import { SeverityNumber } from "@opentelemetry/api-logs";
import { OTLPLogExporter as JsonExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";

const [url, encoding] = process.argv.slice(2);
const Exporter = encoding === "json" ? JsonExporter : ProtobufExporter;
const exporter = new Exporter({ url, compression: encoding === "json" ? "none" : "gzip" });
const codes = [];
const send = exporter.export.bind(exporter);
exporter.export = (records, done) =>
  send(records, (result) => {
    codes.push(result.code);
    done(result);
  });

const provider = new LoggerProvider({
  resource: resourceFromAttributes({ "service.name": "node-shop" }),
  processors: [new BatchLogRecordProcessor({ exporter })],
});
const logger = provider.getLogger("shop.cart", "2.0.0");
for (let number = 0; number < 1000; number += 1) {
  logger.emit({
    severityNumber: SeverityNumber.INFO,
    severityText: "INFO",
    body: `cart ${number} was opened`,
    attributes: { number },
  });
}
const error = new TypeError("price is not a number");
logger.emit({
  severityNumber: SeverityNumber.ERROR,
  body: { event: "checkout", total: 12.5, items: ["tea", null] },
  attributes: {
    "exception.type": error.name,
    "exception.message": error.message,
    "exception.stacktrace": error.stack,
  },
});
await provider.shutdown();
if (codes.length === 0 || codes.some((code) => code !== 0)) {
  console.error("not every batch was acknowledged", codes);
  process.exit(1);
}
