"""Our engine beside OpenVINO and PyTorch on the same cores: processes of each alternate, and the ratios are printed.

    pip install torch openvino numpy
    python engine/benches/beside.py --channels 32,64,128,256,512 --size 128 --contexts 1

Each pair is one process of the baseline and one of ours, the median of whose runs counts; the ratio is the median over
the pairs. Examples are read one by one where --one-by-one is given: by three OpenVINO networks (target encoder, context,
decoder) with a running mean between them, since one network of all examples takes too much memory at the published size.
"""
import argparse, json, os, resource, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('--exemplar', default='target/release/exemplar')
parser.add_argument('--baseline', choices=['openvino', 'torch'], default='openvino')
parser.add_argument('--channels', default='8,16,32,64,128')
parser.add_argument('--size', type=int, default=64)
parser.add_argument('--contexts', type=int, default=1)
parser.add_argument('--one-by-one', action='store_true')
parser.add_argument('--pairs', type=int, default=5)
parser.add_argument('--runs', type=int, default=3)
parser.add_argument('--precision', default='f32', help='of the baseline: f32 or bf16')
parser.add_argument('--models', help=argparse.SUPPRESS)  # set in the processes that measure
arguments = parser.parse_args()
S, N = arguments.size, arguments.contexts


def report(run):
    """Times run() in this process and prints one JSON line."""
    seconds = []
    for _ in range(arguments.runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({'median_seconds': statistics.median(seconds), 'peak_memory_bytes': peak}))


def torch_network():
    import torch
    from torch_net import Net
    dtype = {'f32': torch.float32, 'bf16': torch.bfloat16}[arguments.precision]
    network = Net([int(c) for c in arguments.channels.split(',')]).eval().to(dtype)
    return torch, network, torch.rand(1, 1, S, S, S, dtype=dtype), torch.rand(N, 2, S, S, S, dtype=dtype)


def measure_torch():
    torch, network, target, pairs = torch_network()

    def run():
        with torch.no_grad():
            features, bottom = network.target_encoder(target)
            mean = None
            for k in range(N):
                one = network.context_unet(pairs[k:k + 1], features)
                mean = one if mean is None else [m + (c - m) / (k + 1) for m, c in zip(mean, one)]
            network.target_decoder(bottom, features, mean)
    report(run)


def convert(folder):
    """Writes OpenVINO's form of the network, or of its three parts."""
    import openvino
    torch, network, target, pairs = torch_network()

    def save(module, inputs, name):
        model = openvino.convert_model(module.eval(), example_input=inputs)
        openvino.save_model(model, f'{folder}/{name}.xml', compress_to_fp16=False)

    if not arguments.one_by_one:
        return save(network, (target, pairs), 'whole')

    class Part(torch.nn.Module):
        """Lists go in and come out flat."""
        def __init__(self, part, call):
            super().__init__()
            self.part, self.call = part, call

        def forward(self, *inputs):
            return self.call(self.part, inputs)

    with torch.no_grad():
        features, bottom = network.target_encoder(target)
        stages = len(features)
        encode = lambda part, x: (lambda f, b: (*f, b))(*part(x[0]))
        save(Part(network.target_encoder, encode), (target,), 'encoder')
        read = lambda part, x: tuple(part(x[0], list(x[1:])))
        save(Part(network.context_unet, read), (pairs[:1], *features), 'context')
        context = network.context_unet(pairs[:1], features)
        decode = lambda part, x: part(x[0], list(x[1:1 + stages]), list(x[1 + stages:]))
        save(Part(network.target_decoder, decode), (bottom, *features, *context), 'decoder')


def measure_openvino(folder):
    import numpy, openvino
    core = openvino.Core()
    compiled = lambda name: core.compile_model(
        f'{folder}/{name}.xml', 'CPU', {'INFERENCE_PRECISION_HINT': arguments.precision})
    target, pairs = (numpy.random.rand(n, c, S, S, S).astype(numpy.float32) for n, c in [(1, 1), (N, 2)])
    if not arguments.one_by_one:
        network = compiled('whole')
        return report(lambda: network([target, pairs]))
    encoder, context, decoder = map(compiled, ['encoder', 'context', 'decoder'])

    def run():
        *features, bottom = encoder([target]).values()
        mean = None
        for k in range(N):
            one = list(context([pairs[k:k + 1], *features]).values())
            if mean is None:
                mean = [c.copy() for c in one]
            else:
                for m, c in zip(mean, one):
                    m += (c - m) / (k + 1)
        decoder([bottom, *features, *mean])
    report(run)


def compare():
    same = ['--channels', arguments.channels, '--size', str(S), '--contexts', str(N), '--runs', str(arguments.runs)]
    ours = [arguments.exemplar, 'bench', '--device', 'cpu', '--json', *same]
    with tempfile.TemporaryDirectory() as folder:
        theirs = [sys.executable, __file__, '--baseline', arguments.baseline, '--precision', arguments.precision, *same]
        theirs += ['--one-by-one'] if arguments.one_by_one else []
        if arguments.baseline == 'openvino':
            subprocess.run([*theirs, '--models', f'{folder}/convert'], check=True, stderr=subprocess.DEVNULL)
        ratios = []
        for _ in range(arguments.pairs):
            of = lambda command: json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            a, b = of([*theirs, '--models', folder]), of(ours)
            ratios.append(a['median_seconds'] / b['median_seconds'])
            gb = lambda run: run['peak_memory_bytes'] / 1e9
            print(f"{arguments.baseline} {a['median_seconds']:.3f} s, {gb(a):.2f} GB;  ours {b['median_seconds']:.3f} s, "
                  f"{gb(b):.2f} GB;  ratio {ratios[-1]:.2f}", flush=True)
    print(f'{arguments.channels} at {S}³, {N} examples: median ratio {statistics.median(ratios):.2f}')


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
if not arguments.models:
    compare()
elif arguments.models.endswith('/convert'):
    convert(os.path.dirname(arguments.models))
elif arguments.baseline == 'torch':
    measure_torch()
else:
    measure_openvino(arguments.models)
