#!/usr/bin/python3
"""make_torch.py - writes the files of this folder whose names begin with torch_: one PyTorch model in every container, and
ONNX graphs that torch.onnx exports; torch.json lists them with what PyTorch computes. Needs torch, onnx and h5py; uses
own_unpacked/, which make.py writes, for the .keras archive."""
import json
import os
import struct
import sys
import warnings
import zipfile

import h5py
import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn

warnings.filterwarnings('ignore')
os.chdir(os.path.dirname(os.path.abspath(__file__)) if len(sys.argv) < 2 else sys.argv[1])
torch.manual_seed(3)
x = torch.randn(1, 6, 5)
cases = []


def case(file, scores=None, **how):
    c = dict(name=file.replace('.', '_'), file=file, **how)
    if scores is not None:
        c.update(x=[[round(float(v), 9) for v in row] for row in x[0]], scores=[float(v) for v in scores])
    cases.append(c)


class Net(nn.Module):
    """An LSTM or GRU and what `body` makes of its outputs y (clips, steps, features) and last states h."""

    def __init__(self, body, bi=False, layers=1, first=True, kind=nn.LSTM, **more):
        super().__init__()
        self.lstm = kind(5, 4, layers, batch_first=first, bidirectional=bi)
        for k, v in more.items():
            setattr(self, k, v)
        self.body, self.first = body, first

    def forward(self, v):
        y, h = self.lstm(v)
        return self.body(self, y, h[0] if isinstance(h, tuple) else h)


def export(name, net, logits=None, **how):
    net.eval()
    v = x if net.first else x.transpose(0, 1)
    file = 'torch_%s.onnx' % name
    steps = 1 if net.first else 0
    torch.onnx.export(net, v, file, input_names=['x'], dynamic_axes={'x': {1 - steps: 'clips', steps: 'steps'}})
    out = net(v)
    out = out.reshape(-1, out.shape[-1])[-1].detach().numpy()
    case(file, logits(out) if logits else out, **how)


def change(name, source, edit, data=None):
    """A graph that torch does not export: one of its own, edited."""
    m = onnx.load(source)
    edit(m.graph, [n for n in m.graph.node if n.op_type in ('LSTM', 'GRU')][0])
    if data:
        if os.path.exists(data):  # onnx appends to it
            os.remove(data)
        onnx.save_model(m, name, save_as_external_data=True, location=data, size_threshold=0)
    else:
        onnx.save(m, name)


def attribute(node, **values):
    for k, v in values.items():
        old = [a for a in node.attribute if a.name == k]
        for a in old:
            node.attribute.remove(a)
        node.attribute.append(onnx.helper.make_attribute(k, v))


def relu_lstm(state, v):
    """An LSTM whose candidate and output are relu, by its equations."""
    h = c = torch.zeros(4)
    for t in range(v.shape[1]):
        a = state['lstm.weight_ih_l0'] @ v[0, t] + state['lstm.weight_hh_l0'] @ h + state['lstm.bias_ih_l0'] + state['lstm.bias_hh_l0']
        i, f, g, o = a.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.relu()
        h = o.sigmoid() * c.relu()
    return h


def safetensors(name, arrays, dtype='F32', meta=None):
    head, data = {'__metadata__': meta} if meta else {}, b''
    for k, v in arrays.items():
        v = v.detach()
        b = {'F32': lambda: v.numpy().astype('<f4').tobytes(), 'F16': lambda: v.numpy().astype('<f2').tobytes(),
             'BF16': lambda: (v.numpy().astype('<f4').view('<u4') >> 16).astype('<u2').tobytes()}[dtype]()
        head[k] = {'dtype': dtype, 'shape': list(v.shape), 'data_offsets': [len(data), len(data) + len(b)]}
        data += b
    text = json.dumps(head).encode()
    with open(name, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)


def more(last):
    state = last.state_dict()
    gru = Net(lambda m, y, h: m.fc(torch.relu(m.hidden(h[-1]))), kind=nn.GRU, layers=2, hidden=nn.Linear(4, 6), fc=nn.Linear(6, 3))
    export('gru', gru, output='linear', silent=True)
    both = Net(lambda m, y, h: m.fc(y), True, kind=nn.GRU, fc=nn.Linear(8, 2))
    export('gru_each', both, output='linear', silent=True)
    change('torch_gru_reset_before.onnx', 'torch_gru_each.onnx', lambda g, n: attribute(n, linear_before_reset=0))
    case('torch_gru_reset_before.onnx', status='EFORMAT', words=['linear_before_reset=0'])
    rnn = Net(lambda m, y, h: m.fc(y), kind=nn.RNN, fc=nn.Linear(4, 2))
    torch.onnx.export(rnn, x, 'torch_rnn.onnx', input_names=['x'], dynamic_axes={'x': {0: 'clips', 1: 'steps'}})
    case('torch_rnn.onnx', status='EFORMAT', words=['simple RNN'])
    export('slice', Net(lambda m, y, h: m.fc(y[:, -1:]).squeeze(1), fc=nn.Linear(4, 3)), output='linear', silent=True)
    export('slice_first', Net(lambda m, y, h: m.fc(y[:, :1]).squeeze(1), fc=nn.Linear(4, 3)))
    first = Net(lambda m, y, h: None)
    m = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load('torch_slice_first.onnx').graph.initializer}
    w = [torch.tensor(v[0].copy()) for k, v in sorted(m.items()) if 'LSTM' in k]
    rows = lambda a: torch.cat([a.reshape(4, 4, -1)[k] for k in (0, 2, 3, 1)])
    with torch.no_grad():
        first.lstm.weight_ih_l0.copy_(rows(w[0]))
        first.lstm.weight_hh_l0.copy_(rows(w[1]))
        first.lstm.bias_ih_l0.copy_(rows(w[2][:16]).ravel())
        first.lstm.bias_hh_l0.copy_(rows(w[2][16:]).ravel())
    cases[-1].update(scores=[float(v) for v in first.lstm(x)[0][0, -1].detach()], words=['no head'])
    with torch.no_grad():
        h = relu_lstm(state, x)
        logits = last.fc(h)
    change('torch_relu.onnx', 'torch_last.onnx', lambda g, n: attribute(n, activations=['Sigmoid', 'Relu', 'Relu']))
    case('torch_relu.onnx', logits, output='linear', silent=True)
    change('torch_external.onnx', 'torch_last.onnx', lambda g, n: None, data='torch_external.data')
    case('torch_external.onnx', last(x)[0].detach(), output='linear', silent=True)

    deep = Net(lambda m, y, h: m.fc(torch.cat([h[-2], h[-1]], -1)), True, layers=2, fc=nn.Linear(8, 2))
    export('deep_states', deep, output='linear', silent=True)
    export('half', Net(lambda m, y, h: m.fc(h[-1]), True, fc=nn.Linear(4, 2)))
    del cases[-1]['x'], cases[-1]['scores']
    cases[-1].update(words=['one direction'])
    m = onnx.load('torch_last.onnx')
    w = [i for i in m.graph.initializer]
    h, n = onnx.helper, [i.name for i in m.graph.initializer]
    lstm = sorted(v for v in n if 'LSTM' in v)
    axis = onnx.numpy_helper.from_array(np.array([1]), 'axis')
    turned = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(w[n.index('fc.weight')]).T.copy(), 'turned')
    nodes = [h.make_node('LSTM', ['x'] + lstm, ['', 'h'], 'by_clip', hidden_size=4, layout=1), h.make_node('Squeeze', ['h', 'axis'], ['v']),
             h.make_node('MatMul', ['v', 'turned'], ['p']), h.make_node('Add', ['p', 'fc.bias'], ['q']), h.make_node('Softmax', ['q'], ['y'])]
    graph = h.make_graph(nodes, 'g', [h.make_tensor_value_info('x', 1, ['clips', 'steps', 5])],
                         [h.make_tensor_value_info('y', 1, ['clips', 3])], w + [axis, turned])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid('', 14)]), 'torch_by_clip.onnx')
    case('torch_by_clip.onnx', last(x)[0].detach(), output='softmax', silent=True)

    change('torch_states_too.onnx', 'torch_last.onnx', lambda g, n: g.output.extend(
        [h.make_tensor_value_info(v, 1, None) for v in n.output[1:] if v]))
    case('torch_states_too.onnx', last(x)[0].detach(), output='linear', silent=True, assumed='final states')
    change('torch_no_outputs.onnx', 'torch_last.onnx', lambda g, n: [v for v in g.node if v.op_type == 'Gemm'][0].output.pop())
    case('torch_no_outputs.onnx')

    safetensors('torch_gru.safetensors', {'model.' + k: v for k, v in gru.state_dict().items() if 'hidden' not in k and 'fc' not in k})
    v = gru.lstm(x)[1][-1, 0].detach()
    case('torch_gru.safetensors', v)
    for dtype, to in (('F16', torch.float16), ('BF16', None)):
        rounded = {k: v.to(to).float() if to else torch.tensor((v.numpy().view('<u4') & 0xffff0000).view('<f4')) for k, v in state.items()}
        half = Net(lambda m, y, h: m.fc(y[:, -1]), fc=nn.Linear(4, 3))
        half.load_state_dict(rounded)
        file = 'torch_%s.safetensors' % dtype.lower()
        safetensors(file, {'model_state_dict.module.' + k: v for k, v in rounded.items()}, dtype, {'format': 'pt'})
        case(file, half(x)[0].detach(), output='softmax', assumed='does not describe', silent=True)
    torch.save({'model': {'_orig_mod.module.' + k: v for k, v in state.items()}, 'opt': torch.optim.Adam(last.parameters()).state_dict()},
               'torch_prefixes.pt')
    case('torch_prefixes.pt', last(x)[0].detach(), output='softmax', assumed='does not describe', silent=True)
    np.savez('torch_numbered.npz', *[v.numpy() for v in state.values()])
    case('torch_numbered.npz', status='EFORMAT', words=["get_weights()", "model.save('model.keras')"])
    broken = dict(state, **{'lstm.weight_hh_l0': state['lstm.weight_hh_l0'].clone()})
    broken['lstm.weight_hh_l0'][2, 1] = float('nan')
    safetensors('torch_nan.safetensors', broken)
    case('torch_nan.safetensors', status='EFORMAT', words=['torch_nan.safetensors', '/lstm.weight_hh_l0', 'row 2, column 1', 'not a number'])
    broken['lstm.weight_hh_l0'][2, 1] = float('-inf')
    torch.save({'model': broken, 'optimizer': {'momentum_buffer': broken['lstm.weight_hh_l0']}}, 'torch_inf.pt')
    case('torch_inf.pt', status='EFORMAT', words=['torch_inf.pt', '/model.lstm.weight_hh_l0', 'row 2, column 1', 'infinite'])


def main():
    last = Net(lambda m, y, h: m.fc(y[:, -1]), fc=nn.Linear(4, 3))
    state = {k: v for k, v in last.state_dict().items()}
    want = last(x)[0].detach().numpy()
    torch.save(state, 'torch_state.pt')
    torch.save({'state_dict': state, 'epoch': 3, 'optimizer': torch.optim.Adam(last.parameters()).state_dict()}, 'torch_checkpoint.pt')
    np.savez('torch_state.npz', **{k: v.numpy() for k, v in state.items()})
    head, data = {}, b''
    for k, v in state.items():
        b = v.numpy().astype('<f4').tobytes()
        head[k] = {'dtype': 'F32', 'shape': list(v.shape), 'data_offsets': [len(data), len(data) + len(b)]}
        data += b
    text = json.dumps(head).encode()
    with open('torch_state.safetensors', 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)
    for file in ('torch_state.pt', 'torch_checkpoint.pt', 'torch_state.npz', 'torch_state.safetensors'):
        case(file, want, output='softmax', assumed='does not describe', silent=True)
    with zipfile.ZipFile('torch_unpacked.keras', 'w', zipfile.ZIP_DEFLATED) as z:
        for n in ('config.json', 'metadata.json', 'model.weights.h5'):
            z.write('own_unpacked/' + n, n)
    own = {c['name']: c for c in json.load(open('own.json'))}['unpacked']
    cases.append(dict(own, name='keras_archive', file='torch_unpacked.keras'))

    export('last', last, output='linear', silent=True)
    norm = nn.BatchNorm1d(8)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 1.5)
    export('mean_norm', Net(lambda m, y, h: m.b(torch.relu(m.a(m.norm(y.mean(1))))), True, 2, norm=norm, a=nn.Linear(8, 6),
                            b=nn.Linear(6, 3)), output='linear', silent=True)
    export('sigmoid_state', Net(lambda m, y, h: torch.sigmoid(m.fc(h[-1])), first=False, fc=nn.Linear(4, 2)),
           lambda p: np.log(p / (1 - p)), output='sigmoid', silent=True)
    export('each', Net(lambda m, y, h: m.fc(y), True, fc=nn.Linear(8, 2)), output='linear', silent=True)
    export('last_step', Net(lambda m, y, h: m.fc(y[:, -1]), True, fc=nn.Linear(8, 2)), output='linear', silent=True)
    export('both_states', Net(lambda m, y, h: m.fc(torch.cat([h[-2], h[-1]], -1)), True, fc=nn.Linear(8, 2)), output='linear',
           silent=True)
    attend = Net(lambda m, y, h: m.fc((torch.softmax(m.score(y), 1) * y).sum(1)), fc=nn.Linear(4, 2), score=nn.Linear(4, 1))
    export('attention', attend)
    cases[-1].update(scores=[float(v) for v in attend.lstm(x)[0][0, -1].detach()], words=['no head'])

    # what torch does not export: a reversed LSTM, a given state, clipped gates
    for name, change in (('reversed', dict(direction='reverse')), ('clipped', dict(clip=3.0))):
        m = onnx.load('torch_sigmoid_state.onnx')
        node = [n for n in m.graph.node if n.op_type == 'LSTM'][0]
        for k, v in change.items():
            node.attribute.append(onnx.helper.make_attribute(k, v))
        onnx.save(m, 'torch_%s.onnx' % name)
    case('torch_clipped.onnx', status='EFORMAT', words=['clipped'])
    m = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load('torch_reversed.onnx').graph.initializer}
    lstm = nn.LSTM(5, 4)
    w = [v for k, v in sorted(m.items()) if 'LSTM' in k]
    order = [0, 2, 3, 1]  # i o f c to i f g o
    rows = lambda a: np.concatenate([a.reshape(4, 4, -1)[k] for k in order])
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.tensor(rows(w[0][0])))
        lstm.weight_hh_l0.copy_(torch.tensor(rows(w[1][0])))
        lstm.bias_ih_l0.copy_(torch.tensor(rows(w[2][0][:16]).ravel()))
        lstm.bias_hh_l0.copy_(torch.tensor(rows(w[2][0][16:]).ravel()))
        h = lstm(x[0].flip(0)[:, None])[1][0][0, 0].numpy()
    case('torch_reversed.onnx', m['fc.weight'] @ h + m['fc.bias'], output='sigmoid', silent=True)
    more(last)
    with h5py.File('torch_clips.h5', 'w') as f:  # clips of features, the first is that of all cases
        f['frames'] = np.concatenate([x.numpy(), np.random.default_rng(2).normal(size=(2, 6, 5)).astype('f4')])
    with open('torch.json', 'w') as f:
        f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')


main()
