"""Sends logs with the OpenTelemetry SDK for Python: `otlp_python.py http://127.0.0.1:4318/v1/logs`.

Ends with an error unless every batch was acknowledged.
"""

import logging
import sys
import warnings

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

warnings.filterwarnings("ignore")


class Watched(OTLPLogExporter):
    """Remembers what became of each batch."""

    results = []

    def export(self, batch):
        result = super().export(batch)
        self.results.append(result)
        return result


resource = Resource.create({"service.name": "python-shop", "host.name": "host-p"})
provider = LoggerProvider(resource=resource)
exporter = Watched(endpoint=sys.argv[1], compression=Compression.Gzip)
provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
logger = logging.getLogger("shop.pay")
logger.propagate = False
logger.setLevel(logging.DEBUG)
logger.addHandler(LoggingHandler(level=logging.DEBUG, logger_provider=provider))

for number in range(1000):
    logger.info("order %d was paid", number)
logger.warning("stock is low", extra={"item": "tea", "left": 3})
try:
    {}["missing"]
except KeyError:
    logger.exception("payment failed")

provider.shutdown()
succeeded = [result == LogRecordExportResult.SUCCESS for result in exporter.results]
if not succeeded or not all(succeeded):
    sys.exit(f"not every batch was acknowledged: {exporter.results}")
