#!/usr/bin/python3
"""make_torch.py - writes the files of this folder whose names begin with torch_: one PyTorch model in every container, and
ONNX graphs that torch.onnx exports; torch.json lists them with what PyTorch computes. Needs torch and onnx; uses
own_unpacked/, which make.py writes, for the .keras archive."""
import json
import os
import struct
import sys
import warnings
import zipfile

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
    """An LSTM and what `body` makes of its outputs y (clips, steps, features) and last states h."""

    def __init__(self, body, bi=False, layers=1, first=True, **more):
        super().__init__()
        self.lstm = nn.LSTM(5, 4, layers, batch_first=first, bidirectional=bi)
        for k, v in more.items():
            setattr(self, k, v)
        self.body, self.first = body, first

    def forward(self, v):
        y, (h, _) = self.lstm(v)
        return self.body(self, y, h)


def export(name, net, logits=None, **how):
    net.eval()
    v = x if net.first else x.transpose(0, 1)
    file = 'torch_%s.onnx' % name
    steps = 1 if net.first else 0
    torch.onnx.export(net, v, file, input_names=['x'], dynamic_axes={'x': {1 - steps: 'clips', steps: 'steps'}})
    out = net(v)
    out = out.reshape(-1, out.shape[-1])[-1].detach().numpy()
    case(file, logits(out) if logits else out, **how)


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
    with open('torch.json', 'w') as f:
        f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')


main()
