/* fdht/export.h - a model in files of other programs that are no HDF5: dense weights as safetensors, the model as an ONNX graph, dense or
 * as it is compressed.
 *
 * ONNX graphs (opset 13, IR version 7) take one input and compute the whole chain, the frame specification included:
 *
 *   input    frames    (batch, frames, height, width, channels) float32: pixel values as they are, 0..255
 *            features  (batch, frames, inputs) float32, where the model takes feature vectors
 *   output   logits    (batch, classes), and probabilities (batch, classes), where the output is softmax or sigmoid
 *            values    (batch, outputs), where it is linear, or the model has no head
 *
 * batch and frames are free; all clips of a batch have the same number of frames. Of a model with an output for every step the outputs
 * are (batch, frames, ..). The metadata holds "output" (softmax, sigmoid, linear) and "classes" (names, one a line). */
#ifndef FDHT_EXPORT_H
#define FDHT_EXPORT_H

#include "fdht/io.h"
#include "fdht/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fdht_export_kind {
    FDHT_EXPORT_SAFETENSORS, /* the keys of a PyTorch state dict: lstm.weight_ih_l0 .., fc.weight, fc.bias; float32 */
    FDHT_EXPORT_ONNX, /* an LSTM or GRU node a layer, dense weights */
    FDHT_EXPORT_ONNX_COMPRESSED /* the cores as initializers, contracted with the input in the planned order; the recurrence as Scan */
} fdht_export_kind;

/* Write a model. Dense matrices are computed a slab of columns at a time: besides the model it needs 64 MiB, or one column if that is more.
 * Whole or not at all (fdht/io.h); `path` must be a regular file. progress (NULL allowed) gets the fraction done; nonzero from it stops
 * with FDHT_EINTR. FDHT_ENOSUP: what the kind cannot say, by the link's name: safetensors, a chain that is more than layers, a pool link and
 * one linear map, layers of different sizes, cells without tanh; dense ONNX, a projection. FDHT_ELIMIT: an ONNX file of 2 GiB or more.
 * FDHT_EINVAL: another kind; FDHT_ENOMEM, FDHT_EIO; and fdht_out_open's. Any thread. */
FDHT_API int fdht_export_write(const fdht_model *m, fdht_export_kind kind, const char *path,
                               const fdht_out_options *opt, int (*progress)(void *arg, double fraction),
                               void *arg, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
