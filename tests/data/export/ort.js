// ort.js MODEL.onnx FILE.f32:DIM,DIM,.. .. - run a model by ONNX Runtime on files of raw float32 numbers; prints a JSON array of its first
// output for each, a line each. NODE_PATH names the folder of onnxruntime-node.
const ort = require('onnxruntime-node'), fs = require('fs');
(async () => {
  const session = await ort.InferenceSession.create(process.argv[2], {intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3});
  for (const arg of process.argv.slice(3)) {
    const [file, dim] = arg.split(':'), bytes = fs.readFileSync(file);
    const x = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const out = await session.run({[session.inputNames[0]]: new ort.Tensor('float32', x, dim.split(',').map(Number))});
    console.log(JSON.stringify(Array.from(out[session.outputNames[0]].data)));
  }
})().catch(e => { console.error(String(e)); process.exit(1); });
