"""Drain3 with one configuration for every input: the package's defaults, and with the argument `masks` also the list of
masks that the package itself gives as an example (read from the installed package, not copied).

Standard input: one message a line. Standard output: one JSON object, `cpu_s` for the time spent on the lines, and for
every line the id of its cluster and, by id, the cluster's template in the end."""

import json
import re
import sys
import time
from pathlib import Path

import drain3.masking
from drain3 import TemplateMiner
from drain3.masking import MaskingInstruction
from drain3.template_miner_config import TemplateMinerConfig


def example_masks():
    source = Path(drain3.masking.__file__).read_text(encoding="utf-8")
    found = re.findall(r"""^#\s+MaskingInstruction\(r'(.*)', "(\w+)"\)""", source, re.MULTILINE)
    if not found:
        sys.exit("this version of drain3 comes without its example masks")
    return [MaskingInstruction(pattern, name) for pattern, name in found]


def main():
    config = TemplateMinerConfig()
    if "masks" in sys.argv[1:]:
        config.masking_instructions = example_masks()
    lines = sys.stdin.buffer.read().decode("utf-8", "replace").split("\n")[:-1]
    miner = TemplateMiner(config=config)
    started = time.process_time()
    ids = [miner.add_log_message(line)["cluster_id"] for line in lines]
    cpu_s = time.process_time() - started
    templates = {cluster.cluster_id: cluster.get_template() for cluster in miner.drain.clusters}
    json.dump({"cpu_s": cpu_s, "ids": ids, "templates": templates}, sys.stdout)


main()
