/* train.c - train an HT-LSTM on the frames of a data set file, see fdht-data(5): train DATA.h5 MODEL.h5 */
#include <fdht/fdht.h>
#include <stdio.h>

/* A model for these clips: input and gates in modes of few parameters, pixels normalised, differences of frames. */
static int make_model(const fdht_dataset *set, const fdht_train_data *data, fdht_model **model,
                      fdht_error *err)
{
    fdht_cell_options cell;
    fdht_cell_spec designed;
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &designed};
    fdht_frame_spec *f = &spec.frame;
    spec.classes = fdht_dataset_info_of(set)->classes;
    spec.class_name = fdht_dataset_class_names(set);
    *f = (fdht_frame_spec){
        .width = data->width, .height = data->height, .channels = data->channels, .diff = true};
    fdht_cell_options_default(&cell);
    cell.kind = FDHT_CELL_HT;
    cell.inputs = f->width * f->height * f->channels;
    cell.hidden = 32;
    int status = fdht_pixel_stats(data, f, &f->mean, &f->std, err);
    if (!status)
        status = fdht_cell_design(&cell, &designed, NULL, err);
    if (!status)
        status = fdht_model_new(&spec, model, err);
    return status ? status : fdht_model_init(*model, 1, 1, FDHT_START_NORMAL, err);
}

int main(int argc, char **argv)
{
    fdht_dataset *set = NULL;
    fdht_train_data *data = NULL;
    fdht_model *model = NULL;
    fdht_trainer *trainer = NULL;
    fdht_train_options options;
    fdht_epoch epoch = {0};
    fdht_error err = {0};
    int status;
    if (argc != 3)
        return fputs("usage: train DATA.h5 MODEL.h5\n", stderr), 2;
    fdht_train_options_default(&options);
    if ((status = fdht_out_check(argv[2], true, NULL, &err)) ||
        (status = fdht_dataset_open(argv[1], &set, &err)) ||
        (status = fdht_train_data_of_dataset(set, FDHT_SPLIT_NONE, &data, &err)) ||
        (status = make_model(set, data, &model, &err)) ||
        (status = fdht_trainer_new(model, &options, data, NULL, &trainer, &err)))
        goto out;
    while (!epoch.last && !(status = fdht_trainer_epoch(trainer, NULL, NULL, &epoch, &err)))
        printf("epoch %d: loss %.4f, accuracy %.4f\n", epoch.epoch, epoch.loss, epoch.accuracy);
    status = status ? status : fdht_modelfile_write(argv[2], model, NULL, NULL, &err);
out:
    if (status)
        fprintf(stderr, "train: %s\n", err.msg);
    fdht_trainer_free(trainer);
    fdht_model_free(model);
    fdht_train_data_free(data);
    fdht_dataset_close(set);
    return status != FDHT_OK;
}
