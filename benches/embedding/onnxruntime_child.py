"""What the encoder is measured against: onnxruntime in single precision on the same weights.

    onnxruntime_child.py FOLDER_OF_THE_MODEL TOKENS.json GRAPH.onnx

The graph is written from the weights, operator by operator as an export of the model would be, with all
of the runtime's optimisations on; it is kept in GRAPH.onnx. Reads one request a line
({"input","batch","threads"}) and answers each with one line; says {"load_ms"} first. The encoder's own
process (benches/src/embedding/child.rs) speaks the same.
"""

import json
import os
import struct
import sys
import time

import numpy as np

LAYERS, HEADS, WIDTH = 6, 12, 32


def read_weights(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        numbers = file.read()
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            found[name] = np.frombuffer(numbers[start:end], np.float32).reshape(entry["shape"])
    return found


class Graph:
    """Collects nodes and constants."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants = weights, [], {}

    def constant(self, name, array):
        from onnx import numpy_helper

        if name not in self.constants:
            array = np.ascontiguousarray(array)
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(self, kind, *inputs, **attributes):
        from onnx import helper

        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=f"n_{out}", **attributes))
        return out

    def floats(self, name, value):
        return self.constant(name, np.array(value, np.float32))

    def wholes(self, name, *values):
        return self.constant(name, np.array(values, np.int64))

    def linear(self, x, name):
        weight = self.constant(name + ".weight", self.weights[name + ".weight"].T)
        bias = self.constant(name + ".bias", self.weights[name + ".bias"])
        return self.node("Add", self.node("MatMul", x, weight), bias)

    def norm(self, x, name):
        weight = self.constant(name + ".weight", self.weights[name + ".weight"])
        bias = self.constant(name + ".bias", self.weights[name + ".bias"])
        return self.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=1e-12)

    def words(self):
        tables = {key: self.weights[f"embeddings.{key}_embeddings.weight"]
                  for key in ("word", "position", "token_type")}
        shape = self.node("Shape", "tokens")
        length = self.node("Slice", shape, self.wholes("one", 1), self.wholes("two", 2))
        positions = self.constant("positions", tables["position"])
        zero = self.wholes("zero", 0)
        positions = self.node("Slice", positions, zero, length, zero)
        x = self.node("Gather", self.constant("words", tables["word"]), "tokens")
        x = self.node("Add", x, self.constant("type", tables["token_type"][0]))
        return self.norm(self.node("Add", x, positions), "embeddings.LayerNorm")

    def attention(self, x, bias, layer):
        split, joined = self.wholes("split", 0, 0, HEADS, WIDTH), self.wholes("joined", 0, 0, 384)
        parts = [self.node("Reshape", self.linear(x, f"{layer}.attention.self.{part}"), split)
                 for part in ("query", "key", "value")]
        query, value = (self.node("Transpose", parts[at], perm=[0, 2, 1, 3]) for at in (0, 2))
        key = self.node("Transpose", parts[1], perm=[0, 2, 3, 1])
        scores = self.node("MatMul", query, key)
        scores = self.node("Div", scores, self.floats("root", WIDTH**0.5))
        shares = self.node("Softmax", self.node("Add", scores, bias), axis=-1)
        out = self.node("Transpose", self.node("MatMul", shares, value), perm=[0, 2, 1, 3])
        return self.node("Reshape", out, joined)

    def gelu(self, x):
        erf = self.node("Erf", self.node("Div", x, self.floats("root_two", 2**0.5)))
        sum = self.node("Add", erf, self.floats("one_float", 1))
        return self.node("Mul", self.node("Mul", x, sum), self.floats("half", 0.5))

    def whole(self):
        mask = self.node("Cast", "mask", to=1)
        mask = self.node("Unsqueeze", mask, self.wholes("middle", 1, 2))
        bias = self.node("Sub", self.floats("one_float", 1), mask)
        bias = self.node("Mul", bias, self.floats("lowest", np.finfo(np.float32).min))
        x = self.words()
        for index in range(LAYERS):
            layer = f"encoder.layer.{index}"
            out = self.linear(self.attention(x, bias, layer), f"{layer}.attention.output.dense")
            x = self.norm(self.node("Add", out, x), f"{layer}.attention.output.LayerNorm")
            inner = self.gelu(self.linear(x, f"{layer}.intermediate.dense"))
            out = self.linear(inner, f"{layer}.output.dense")
            x = self.norm(self.node("Add", out, x), f"{layer}.output.LayerNorm")
        return x

    def save(self, path):
        import onnx
        from onnx import TensorProto, helper

        out = helper.make_tensor_value_info(self.whole(), TensorProto.FLOAT, ["b", "t", 384])
        ins = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"])
               for name in ("tokens", "mask")]
        graph = helper.make_graph(self.nodes, "minilm", ins, [out], list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        onnx.save(model, path)


def session(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def embed(runtime, batch):
    longest = max(map(len, batch))
    tokens = np.zeros((len(batch), longest), np.int64)
    mask = np.zeros((len(batch), longest), np.int64)
    for row, text in enumerate(batch):
        tokens[row, : len(text)] = text
        mask[row, : len(text)] = 1
    hidden = runtime.run(None, {"tokens": tokens, "mask": mask})[0]
    mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    folder, tokens_path, graph_path = sys.argv[1:]
    if not os.path.exists(graph_path):
        Graph(read_weights(os.path.join(folder, "model.safetensors"))).save(graph_path + ".new")
        os.replace(graph_path + ".new", graph_path)
    with open(tokens_path) as file:
        inputs = json.load(file)
    started = time.perf_counter()
    runtimes = {1: session(graph_path, 1)}
    say({"load_ms": (time.perf_counter() - started) * 1e3})
    for line in sys.stdin:
        request = json.loads(line)
        threads, batch, texts = request["threads"], request["batch"], inputs[request["input"]]
        if threads not in runtimes:
            runtimes[threads] = session(graph_path, threads)
        times, first = [], None
        wall, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(texts), batch):
            at = time.perf_counter()
            vectors = embed(runtimes[threads], texts[start : start + batch])
            times.append((time.perf_counter() - at) * 1e3)
            first = vectors[0] if first is None else first
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        say({"wall_s": wall, "cpu_s": cpu, "batch_ms": times, "first": [float(x) for x in first]})


main()
