#!/usr/bin/python3
"""make.py - writes the files of this folder whose names begin with own_ and lists them, with what numpy computes from the
formulas of the layers, in own.json. Needs numpy and h5py. Nothing of fdht is used.

A network is a list of layers [class, name, config, inputs]; run() computes it step by step on one clip; put_*() write it as
Keras 1, 2 and 3 and PyTorch do."""
import json
import math
import os
import sys

import h5py
import numpy as np

T, D, H = 6, 5, 4
rng = np.random.default_rng(7)
cases = []


def r(*shape, scale=0.6):
    return (rng.standard_normal(shape) * scale).astype('f4')


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


ACT = {
    'linear': lambda x: x, 'relu': lambda x: np.maximum(x, 0), 'tanh': np.tanh, 'sigmoid': sigmoid, 'softmax': softmax,
    'hard_sigmoid': lambda x: np.clip(0.2 * x + 0.5, 0, 1), 'hard_sigmoid3': lambda x: np.clip(x / 6 + 0.5, 0, 1),
    'elu': lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1), 'softsign': lambda x: x / (1 + abs(x)),
    'gelu': lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
}


def act(config, name='activation', default='linear', major=2):
    a = config.get(name, default)
    a = 'linear' if a is None else a
    return ACT['hard_sigmoid3' if a == 'hard_sigmoid' and major >= 3 else a]


class Lstm:
    """Keras' cell: kernel (D,4H), recurrent (H,4H), bias (4H), gates i f c o."""

    def __init__(self, d, h, bias=True):
        self.k, self.r, self.b = r(d, 4 * h), r(h, 4 * h), r(4 * h, scale=0.3) if bias else None
        self.h = h

    def run(self, x, config, major, backwards=False):
        f = act(config, default='tanh', major=major)
        s = act(config, 'recurrent_activation', 'sigmoid', major)
        h, c, out = np.zeros(self.h), np.zeros(self.h), []
        for t in range(len(x))[::-1 if backwards else 1]:
            a = x[t] @ self.k.astype('f8') + h @ self.r.astype('f8') + (0 if self.b is None else self.b.astype('f8'))
            i, g, z, o = a[:self.h], a[self.h:2 * self.h], a[2 * self.h:3 * self.h], a[3 * self.h:]
            c = s(g) * c + s(i) * f(z)
            h = s(o) * f(c)
            out.append(h)
        return np.array(out)

    def arrays(self, prefix):
        return [(prefix + 'kernel', self.k), (prefix + 'recurrent_kernel', self.r)] + (
            [] if self.b is None else [(prefix + 'bias', self.b)])


def layer_weights(cls, config, width):
    if cls == 'LSTM':
        return [Lstm(width, config['units'], config.get('use_bias', True))]
    if cls == 'Bidirectional':
        u = config['layer']['config']['units']
        return [Lstm(width, u), Lstm(width, u)]
    if cls == 'Dense':
        return [r(width, config['units'])] + ([r(config['units'], scale=0.3)] if config.get('use_bias', True) else [])
    if cls == 'BatchNormalization':
        g = [1 + r(width, scale=0.2)] if config.get('scale', True) else []
        b = [r(width, scale=0.2)] if config.get('center', True) else []
        return g + b + [r(width, scale=0.3), (0.5 + rng.random(width)).astype('f4')]
    if cls == 'LayerNormalization':
        return [1 + r(width, scale=0.2), r(width, scale=0.2)]
    if cls == 'TimeDistributed':
        return layer_weights(config['layer']['class_name'], config['layer']['config'], width)
    return []


def compute(cls, config, w, xs, major):
    x = xs[0]
    if cls == 'LSTM':
        y = w[0].run(x, config, major, config.get('go_backwards', False))
        return y if config.get('return_sequences') else y[-1]
    if cls == 'Bidirectional':
        inner = config['layer']['config']
        a, b = w[0].run(x, inner, major), w[1].run(x, inner, major, True)
        a, b = (a, b[::-1]) if inner.get('return_sequences') else (a[-1], b[-1])
        return {'concat': lambda: np.concatenate([a, b], -1), 'sum': lambda: a + b, 'ave': lambda: (a + b) / 2,
                'mul': lambda: a * b}[config.get('merge_mode', 'concat')]()
    if cls == 'Dense':
        y = x @ w[0].astype('f8') + (w[1].astype('f8') if len(w) > 1 else 0)
        return act(config, major=major)(y)
    if cls == 'TimeDistributed':
        return compute(config['layer']['class_name'], config['layer']['config'], w, xs, major)
    if cls == 'BatchNormalization':
        g = w[0].astype('f8') if config.get('scale', True) else 1
        b = w[1 if config.get('scale', True) else 0].astype('f8') if config.get('center', True) else 0
        return (x - w[-2]) / np.sqrt(w[-1].astype('f8') + config.get('epsilon', 1e-3)) * g + b
    if cls == 'LayerNormalization':
        m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - m) / np.sqrt(v + config.get('epsilon', 1e-3)) * w[0] + w[1]
    if cls in ('Activation', 'ReLU', 'Softmax', 'ELU'):
        return act({'activation': {'ReLU': 'relu', 'Softmax': 'softmax', 'ELU': 'elu'}.get(cls, config.get('activation'))},
                   major=major)(x)
    if cls == 'GlobalAveragePooling1D':
        return x.mean(0)
    if cls == 'GlobalMaxPooling1D':
        return x.max(0)
    if cls == 'RepeatVector':
        return np.repeat(x[None], config['n'], 0)
    if cls == 'Reshape':
        return x.reshape([-1 if k == -1 else k for k in config['target_shape']])
    if cls == 'Flatten':
        return x.ravel()
    if cls in ('Add', 'Concatenate'):
        return xs[0] + xs[1] if cls == 'Add' else np.concatenate(xs, -1)
    return x


class Net:
    """layers: (class, config, inputs or None for the layer before); names are made as Keras makes them."""

    def __init__(self, layers, major=2, width=D, steps=T):
        self.major, self.layers, count = major, [], {}
        self.x = r(steps, width, scale=1)
        value, self.weights, last = {'in': self.x.astype('f8')}, {}, 'in'
        for cls, config, inputs in layers:
            stem = {'LSTM': 'lstm', 'Dense': 'dense'}.get(cls, cls.lower())
            n = count[stem] = count.get(stem, -1) + 1
            name = config.pop('name', stem + ('_%d' % n if n else ''))
            inputs = inputs or [last]
            w = self.weights[name] = layer_weights(cls, config, value[inputs[0]].shape[-1])
            value[name] = compute(cls, config, w, [value[i] for i in inputs], major)
            self.layers.append((cls, name, config, inputs))
            last = name
        self.value, self.last = value, last

    def scores(self, name=None, logits_of=None):
        return np.atleast_2d(self.value[name or self.last])[-1]

    # the weights of one layer as (name, array)
    def arrays(self, cls, name, config):
        w = self.weights[name]
        if cls == 'TimeDistributed':
            return self.arrays_of(config['layer']['class_name'], name, config['layer']['config'], w)
        return self.arrays_of(cls, name, config, w)

    @staticmethod
    def arrays_of(cls, name, config, w):
        if cls == 'LSTM':
            return w[0].arrays(name + '/lstm_cell/')
        if cls == 'Bidirectional':
            return w[0].arrays(name + '/forward_lstm/lstm_cell/') + w[1].arrays(name + '/backward_lstm/lstm_cell/')
        if cls == 'Dense':
            return list(zip([name + '/kernel', name + '/bias'], w))
        if cls == 'BatchNormalization':
            roles = (['gamma'] if config.get('scale', True) else []) + (['beta'] if config.get('center', True) else [])
            return list(zip([name + '/' + q for q in roles + ['moving_mean', 'moving_variance']], w))
        if cls == 'LayerNormalization':
            return list(zip([name + '/gamma', name + '/beta'], w))
        return []

    def config(self, style):
        """style: 'sequential', 'functional' (Keras 2), 'functional3' (keras_history)."""
        out = []
        for cls, name, config, inputs in self.layers:
            l = {'class_name': cls, 'config': dict(config, name=name)}
            if style.startswith('functional'):
                l['name'] = name
                if style == 'functional3':
                    l['inbound_nodes'] = [{'args': [[tensor(i) for i in inputs] if len(inputs) > 1 else tensor(inputs[0])],
                                           'kwargs': {'mask': None}}]
                else:
                    l['inbound_nodes'] = [[[i, 0, 0, {}] for i in inputs]]
            out.append(l)
        if style == 'sequential':
            return {'class_name': 'Sequential', 'config': {'name': 'net', 'layers': out}}
        out.insert(0, {'class_name': 'InputLayer', 'name': 'in', 'config': {'name': 'in'}, 'inbound_nodes': []})
        return {'class_name': 'Functional', 'config': {'name': 'net', 'layers': out, 'input_layers': [['in', 0, 0]],
                                                       'output_layers': [[self.last, 0, 0]]}}


def tensor(name):
    return {'class_name': '__keras_tensor__', 'config': {'shape': [None, T, D], 'dtype': 'float32',
                                                         'keras_history': [name, 0, 0]}}


def put_keras2(net, file, style='sequential', config=None, more=None, only_weights=False, version=None):
    config = config or net.config(style)
    with h5py.File(file, 'w', libver='latest') as h:
        root = h if only_weights else h.create_group('model_weights')
        if not only_weights:
            h.attrs['model_config'] = json.dumps(config)
        h.attrs['keras_version'] = version or ('3.3.3' if net.major >= 3 else '2.11.0')
        names = [n for _, n, _, _ in net.layers]
        root.attrs['layer_names'] = [n.encode() for n in names]
        for cls, name, cfg, _ in net.layers:
            g = root.create_group(name)
            a = net.arrays(cls, name, cfg)
            g.attrs['weight_names'] = [(n + ':0').encode() for n, _ in a]
            for n, v in a:
                g[n + ':0'] = v
        for k, v in (more or {}).items():
            h.attrs[k] = v


def case(name, net=None, scores=None, **how):
    c = dict(name=name, file=how.pop('file', 'own_%s.h5' % name), **how)
    if net is not None:
        c['x'] = [[round(float(v), 9) for v in row] for row in net.x]
        if scores is not None:
            c['scores'] = [round(float(v), 9) for v in scores]
    cases.append(c)


def logits(net):
    """Value of the last layer with its activation taken off: softmax and sigmoid are the output kind."""
    cls, name, config, inputs = net.layers[-1]
    linear = dict(config, activation='linear')
    if cls == 'TimeDistributed':
        linear = {'layer': {'class_name': 'Dense', 'config': dict(config['layer']['config'], activation='linear')}}
    return np.atleast_2d(compute(cls, linear, net.weights[name], [net.value[i] for i in inputs], net.major))[-1]


def L(units=H, seq=False, **k):
    return ('LSTM', dict({'units': units, 'return_sequences': seq, 'activation': 'tanh', 'recurrent_activation': 'sigmoid',
                          'use_bias': True}, **k), None)


def B(units=H, seq=False, mode='concat', **k):
    inner = dict({'units': units, 'return_sequences': seq, 'activation': 'tanh', 'recurrent_activation': 'sigmoid'}, **k)
    return ('Bidirectional', {'merge_mode': mode, 'layer': {'class_name': 'LSTM', 'config': inner}}, None)


def Dn(units=3, a='softmax', **k):
    return ('Dense', dict({'units': units, 'activation': a}, **k), None)


def X(cls, **k):
    return (cls, k, None)


def TD(units=3, a='softmax'):
    return ('TimeDistributed', {'layer': {'class_name': 'Dense', 'config': {'name': 'inner', 'units': units, 'activation': a}}},
            None)


def sequential(name, layers, output=None, major=2, style='sequential', silent=True, **how):
    net = Net(layers, major)
    put_keras2(net, 'own_%s.h5' % name, style)
    s = logits(net) if output in ('softmax', 'sigmoid') else net.scores()
    case(name, net, s, silent=silent, **(dict(output=output) if output else {}), **how)


def make_keras():
    sequential('norm_first', [X('BatchNormalization', axis=[-1]), L(), Dn()], 'softmax')
    for mode in ('ave', 'mul'):
        sequential('merge_' + mode, [B(seq=True, mode=mode), B(seq=False, mode=mode), Dn()], 'softmax')
    sequential('merge_each', [B(seq=True, mode='sum'), TD(2, 'sigmoid')], 'sigmoid')
    sequential('backwards', [L(go_backwards=True), Dn(2, 'linear')], 'linear')
    sequential('backwards_each', [L(seq=True, go_backwards=True), L(seq=True), TD(2, 'softmax')], 'softmax')
    sequential('cell_relu', [L(activation='relu'), Dn()], 'softmax')
    sequential('cell_sigmoid3', [L(activation='sigmoid', recurrent_activation='hard_sigmoid'), Dn(3, 'hard_sigmoid')], 'linear', 3)
    sequential('cell_hard', [L(activation='hard_sigmoid', recurrent_activation='tanh'), Dn(3, 'hard_sigmoid')], 'linear', 2)
    sequential('two_then_one', [B(seq=True), L(), Dn()], 'softmax')
    sequential('one_then_two', [L(seq=True), B(), Dn(4, 'sigmoid')], 'sigmoid')
    sequential('many_dense', [L(), Dn(4, 'elu'), Dn(5, 'gelu'), Dn(4, 'softsign'), Dn(3, 'tanh'), Dn(2, 'softmax')], 'softmax')
    sequential('softmax_inside', [L(), Dn(4, 'softmax'), Dn(2, 'linear')], 'linear')
    sequential('dense_relu_last', [L(), Dn(4, 'relu')], 'linear')
    sequential('layer_norm', [L(seq=True), X('LayerNormalization', axis=-1, epsilon=0.01), L(), X('LayerNormalization', axis=[1]),
                              Dn()], 'softmax')
    sequential('pool_dense_norm', [L(seq=True), X('GlobalAveragePooling1D'), Dn(4, 'relu'),
                                   X('BatchNormalization', axis=[1], scale=False, epsilon=0.01), X('Dropout', rate=0.3),
                                   Dn(4, 'sigmoid')], 'sigmoid')
    sequential('dense_each_pool', [L(seq=True), TD(4, 'tanh'), X('GlobalMaxPooling1D'), Dn(2)], 'softmax')
    sequential('norm_no_center', [L(seq=True), X('BatchNormalization', axis=[2], center=False), L(), Dn()], 'softmax')
    sequential('activation_between', [L(seq=True), X('Activation', activation='relu'), L(seq=True), X('ELU', alpha=1.0),
                                      X('GlobalMaxPooling1D'), Dn()], 'softmax')
    sequential('no_bias', [L(use_bias=False), Dn(3, 'softmax', use_bias=False)], 'softmax')
    sequential('reshape_flatten', [L(seq=True), X('Reshape', target_shape=[T, H]), L(), X('Flatten'), X('Reshape', target_shape=[H]),
                                   Dn()], 'softmax')
    sequential('one_step_again', [L(), X('Reshape', target_shape=[1, H]), L(), Dn()], 'softmax')
    sequential('repeat3', [L(), X('RepeatVector', n=T), L(seq=True), TD(D, 'linear')], 'linear', 3, 'functional3')
    sequential('functional3', [B(seq=True), X('BatchNormalization', axis=-1), L(), Dn(1, 'sigmoid')], 'sigmoid', 3, 'functional3')
    net = Net([L(), Dn(2, 'linear')])  # a config that is a list
    put_keras2(net, 'own_keras1_list.h5', 'list', config={'class_name': 'Sequential', 'config': [
        {'class_name': 'LSTM', 'config': {'name': 'lstm', 'output_dim': H, 'activation': 'tanh', 'inner_activation': 'hard_sigmoid'}},
        {'class_name': 'Dropout', 'config': {'name': 'dropout', 'p': 0.5}},
        {'class_name': 'Dense', 'config': {'name': 'dense', 'output_dim': 2, 'activation': 'linear'}},
        {'class_name': 'Activation', 'config': {'name': 'act', 'activation': 'softmax'}}]}, version='1.2.2')
    hard = net.weights['lstm'][0].run(net.x.astype('f8'), {'recurrent_activation': 'hard_sigmoid'}, 1)[-1]
    case('keras1_list', net, compute('Dense', {}, net.weights['dense'], [hard], 1), silent=True, output='softmax')
    net = Net([L(), Dn(3, 'linear')])
    put_keras2(net, 'own_from_logits.h5', more={'training_config': json.dumps(
        {'loss': {'class_name': 'SparseCategoricalCrossentropy', 'config': {'from_logits': True}}})})
    case('from_logits', net, net.scores(), silent=True, output='softmax')


def make_graphs():
    net = Net([L(seq=True), L(), Dn(4, 'softmax', name='action'), ('Dense', {'units': 2, 'activation': 'sigmoid', 'name': 'view'},
                                                                   ['lstm_1'])])
    put_keras2(net, 'own_heads.h5', 'functional')
    h = net.value['lstm_1']
    case('heads', net, h, words=['action', 'view', 'no head'])
    case('heads_view', net, compute('Dense', {}, net.weights['view'], [h], 2), file='own_heads.h5', head='view', output='sigmoid')
    case('heads_none', net, h, file='own_heads.h5', head='none')
    case('heads_wrong', file='own_heads.h5', head='other', status='EINVAL', words=['other'])

    net = Net([L(seq=True), X('Flatten'), Dn()])
    put_keras2(net, 'own_flatten_sequence.h5')
    case('flatten_sequence', net, net.value['lstm'][-1], words=['flatten', 'no head'])
    net = Net([L(), X('LeakyReLU', alpha=0.3), Dn()])
    put_keras2(net, 'own_leaky.h5')
    case('leaky', net, net.value['lstm'], words=['LeakyReLU', 'no head'])
    net = Net([L(), ('LSTM', L()[1], ['in']), ('Concatenate', {'axis': -1}, ['lstm', 'lstm_1']), Dn()])
    put_keras2(net, 'own_parallel.h5', 'functional')
    case('parallel', file='own_parallel.h5', status='EINVAL', words=['lstm, lstm_1'])
    case('parallel_one', net, net.value['lstm_1'], file='own_parallel.h5', layer='lstm_1', words=['concatenate', 'no head'])
    net = Net([L(seq=True), ('Add', {}, ['lstm', 'lstm']), L(), Dn()])
    c = net.config('functional')
    c['config']['layers'][2]['inbound_nodes'] = [[['lstm', 0, 0, {'y': ['lstm', 0, 0]}]]]
    put_keras2(net, 'own_add_keyword.h5', config=c)
    case('add_keyword', file='own_add_keyword.h5', status='EINVAL', words=['lstm, lstm_1'])
    net = Net([L(), Dn(H, 'tanh'), ('Dense', {'units': 3}, ['dense'])])
    c = net.config('functional')
    c['config']['layers'][2]['inbound_nodes'].append([['dense_1', 0, 0, {}]])
    put_keras2(net, 'own_shared.h5', config=c)
    case('shared', net, net.value['lstm'], words=['dense', 'more than once', 'no head'])
    net = Net([L(seq=True, return_state=True), Dn(3)])
    c = net.config('functional')
    c['config']['layers'][2]['inbound_nodes'] = [[['lstm', 0, 1, {}]]]
    put_keras2(net, 'own_state_out.h5', config=c)
    case('state_out', net, compute('Dense', {}, net.weights['dense'], [net.value['lstm'][-1]], 2), silent=True)
    net = Net([L(seq=True, return_state=True), Dn(3)])
    c = net.config('functional')
    c['config']['layers'][2]['inbound_nodes'] = [[['lstm', 0, 2, {}]]]
    put_keras2(net, 'own_cell_out.h5', config=c)
    case('cell_out', net, net.value['lstm'][-1], words=['state', 'no head'])
    net = Net([Dn(4, 'relu'), L(), Dn()])
    put_keras2(net, 'own_dense_first.h5')
    net.x = net.value['dense'].astype('f4')
    case('dense_first', net, logits(net), features='dense (Dense)', silent=True)
    for mode, words in (('null', ['merge_mode']), (None, ['merge_mode'])):
        n = 'merge_none' if mode is None else 'merge_null'
        net = Net([B(seq=True), TD()])
        net.layers[0][2]['merge_mode'] = mode
        put_keras2(net, 'own_%s.h5' % n)
        case(n, file='own_%s.h5' % n, status='EFORMAT', words=words)
    # models inside models
    for style in ('sequential', 'functional'):
        inner = Net([L(seq=True), X('Dropout', rate=0.1), L()])
        outer = Net([L(), Dn()])
        c = inner.config(style)
        c['config']['name'] = 'body'
        node = {'class_name': c['class_name'], 'name': 'body', 'config': c['config'], 'inbound_nodes': [[['in', 0, 0, {}]]]}
        top = {'class_name': 'Functional', 'config': {'name': 'net', 'input_layers': [['in', 0, 0]], 'output_layers': [['dense', 0, 0]],
               'layers': [{'class_name': 'InputLayer', 'name': 'in', 'config': {'name': 'in'}, 'inbound_nodes': []}, node,
                          {'class_name': 'Dense', 'name': 'dense', 'config': {'name': 'dense', 'units': 3, 'activation': 'softmax'},
                           'inbound_nodes': [[['body', 1, 0, {}]]]}]}}
        file = 'own_nested_%s.h5' % style
        with h5py.File(file, 'w', libver='latest') as h:
            h.attrs['model_config'], h.attrs['keras_version'] = json.dumps(top), '2.11.0'
            root = h.create_group('model_weights')
            root.attrs['layer_names'] = [b'in', b'body', b'dense']
            for group, arrays in (('in', []), ('body', inner.arrays('LSTM', 'lstm', {}) + inner.arrays('LSTM', 'lstm_1', {})),
                                  ('dense', outer.arrays('Dense', 'dense', {}))):
                g = root.create_group(group)
                g.attrs['weight_names'] = [(n + ':0').encode() for n, _ in arrays]
                for n, v in arrays:
                    g[n + ':0'] = v
        case('nested_' + style, inner, compute('Dense', {}, outer.weights['dense'], [inner.scores()], 2), silent=True,
             output='softmax')


def make_keras3():
    """An unpacked .keras: class names number the groups; config.json says what they are."""
    net = Net([('BatchNormalization', {'axis': -1, 'name': 'zz'}, None), B(seq=True), L(name='second', seq=True),
               X('LayerNormalization', axis=-1), TD(4, 'relu'), X('GlobalMaxPooling1D'), Dn(3, 'softmax', name='first')], 3)
    os.makedirs('own_unpacked', exist_ok=True)
    path = {'zz': 'batch_normalization', 'second': 'lstm', 'first': 'dense', 'bidirectional': 'bidirectional',
            'layernormalization': 'layer_normalization', 'timedistributed': 'time_distributed/layer'}
    with h5py.File('own_unpacked/model.weights.h5', 'w', libver='latest') as h:
        def put(group, arrays):
            for i, a in enumerate(arrays):
                h['layers/%s/vars/%d' % (group, i)] = a
        for cls, name, config, _ in net.layers:
            w = net.weights[name]
            if cls == 'LSTM':
                put(path[name] + '/cell', [w[0].k, w[0].r, w[0].b])
            elif cls == 'Bidirectional':
                put(path[name] + '/forward_layer/cell', [w[0].k, w[0].r, w[0].b])
                put(path[name] + '/backward_layer/cell', [w[1].k, w[1].r, w[1].b])
            elif w:
                put(path[name], w)
    c = net.config('functional3')
    c['config']['output_layers'] = ['first', 0, 0]
    json.dump(c, open('own_unpacked/config.json', 'w'))
    json.dump({'keras_version': '3.8.0'}, open('own_unpacked/metadata.json', 'w'))
    case('unpacked', net, logits(net), file='own_unpacked/model.weights.h5', silent=True, output='softmax')


def torch_lstm(h, prefix, cell, k=0):
    """PyTorch's arrays of a Keras cell: rows i f g o, the bias in two."""
    half = cell.b * np.float32(0.25)
    h['%sweight_ih_l%d' % (prefix, k)], h['%sweight_hh_l%d' % (prefix, k)] = cell.k.T.copy(), cell.r.T.copy()
    h['%sbias_ih_l%d' % (prefix, k)], h['%sbias_hh_l%d' % (prefix, k)] = half, cell.b - half


def make_torch():
    net = Net([L(), X('LayerNormalization', axis=-1, epsilon=1e-5), Dn(3, 'linear')])
    w = net.weights
    with h5py.File('own_torch_norm_head.h5', 'w', libver='latest') as h:
        torch_lstm(h, 'rnn.', w['lstm'][0])
        h['head.0.weight'], h['head.0.bias'] = w['layernormalization']
        h['head.1.weight'], h['head.1.bias'] = w['dense'][0].T.copy(), w['dense'][1]
    case('torch_norm_head', net, net.scores(), output='softmax')
    net = Net([L(), Dn(4, 'relu'), Dn(2, 'linear')])
    w = net.weights
    with h5py.File('own_torch_classifier.h5', 'w', libver='latest') as h:
        torch_lstm(h, 'lstm.', w['lstm'][0])
        for i, n in ((0, 'dense'), (3, 'dense_1')):
            h['classifier.%d.weight' % i], h['classifier.%d.bias' % i] = w[n][0].T.copy(), w[n][1]
    case('torch_classifier', net, net.value['lstm'], words=['classifier', 'no head'])
    case('torch_classifier_first', net, compute('Dense', {}, w['dense'], [net.value['lstm']], 2), file='own_torch_classifier.h5',
         head='classifier.0')
    net = Net([L(seq=True), L(3), Dn(1, 'linear')])
    w = net.weights
    with h5py.File('own_torch_two.h5', 'w', libver='latest') as h:
        torch_lstm(h, 'model.lstm1.', w['lstm'][0])
        torch_lstm(h, 'model.lstm2.', w['lstm_1'][0])
        h['model.fc.weight'], h['model.fc.bias'] = w['dense'][0].T.copy(), w['dense'][1]
    case('torch_two', net, net.scores(), output='linear', assumed='one after the other')
    with h5py.File('own_torch_norm.h5', 'w', libver='latest') as h:
        torch_lstm(h, 'lstm.', w['lstm'][0])
        for q, v in (('weight', 1), ('bias', 0), ('running_mean', 0), ('running_var', 1)):
            h['bn.' + q] = np.full(H, v, 'f4')
        h['fc.weight'], h['fc.bias'] = r(2, H), r(2)
    case('torch_norm', net, net.value['lstm'][-1], words=['bn', 'no head'])


def make_refused():
    net = Net([L(), Dn()])
    net.weights['lstm'][0].k[2, 7] = np.nan
    put_keras2(net, 'own_nan.h5')
    case('nan', file='own_nan.h5', status='EFORMAT', words=['own_nan.h5', 'lstm_cell/kernel:0', 'not a number'])
    net = Net([L(), Dn()])
    net.weights['dense'][1][1] = np.inf
    put_keras2(net, 'own_inf.h5')
    case('inf', file='own_inf.h5', status='EFORMAT', words=['own_inf.h5', 'dense/bias:0', 'infinite'])
    net = Net([L(), Dn(4, 'relu'), Dn(3)])
    put_keras2(net, 'own_weights_only.h5', only_weights=True)
    case('weights_only', net, net.value['lstm'], recurrent_activation='sigmoid', words=['dense', 'activation is not in the file'])
    net = Net([L(seq=True), X('GlobalMaxPooling1D', name='global_max_pooling1d'), Dn(3)])
    put_keras2(net, 'own_weights_pool.h5', only_weights=True)
    case('weights_pool', net, logits(net), recurrent_activation='sigmoid', output='softmax', assumed='does not describe')
    with h5py.File('own_rnn.h5', 'w', libver='latest') as h:
        h['rnn.weight_ih_l0'], h['rnn.weight_hh_l0'] = r(4, D), r(4, 4)
    case('rnn', file='own_rnn.h5', status='EFORMAT', words=['simple RNN'])


os.chdir(os.path.dirname(os.path.abspath(__file__)) if len(sys.argv) < 2 else sys.argv[1])
make_keras()
make_graphs()
make_keras3()
make_torch()
make_refused()
with open('own.json', 'w') as f:
    f.write('[\n' + ',\n'.join(json.dumps(c) for c in cases) + '\n]\n')
