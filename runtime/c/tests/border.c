/*
 * border MODEL IMAGE.pgm: misuses libfiducia as a careless C program would, under the address sanitizer and valgrind:
 * NULL arguments, wrong sizes, handles freed out of order, threads on one detector. Prints "ok" and exits with 0.
 */
#include <fiducia.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(truth)                                                        \
    do {                                                                    \
        if (!(truth)) {                                                     \
            fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #truth); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

static unsigned char *pixels;
static unsigned width, height;

static void read_pgm(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size;

    CHECK(file != NULL);
    CHECK(fscanf(file, "P5 %u %u 255", &width, &height) == 2 && fgetc(file) != EOF);
    size = (size_t)width * height;
    pixels = malloc(size);
    CHECK(pixels != NULL && fread(pixels, 1, size, file) == size);
    fclose(file);
}

static fiducia_image view(const void *start, unsigned bits, size_t stride, size_t size)
{
    fiducia_image image;

    memset(&image, 0, sizeof image);
    image.struct_size = sizeof image;
    image.pixels = start;
    image.pixels_size = size;
    image.stride = stride;
    image.width = width;
    image.height = height;
    image.bits = bits;
    return image;
}

static fiducia_landmark landmark(const fiducia_report *report, size_t index)
{
    fiducia_landmark l;

    memset(&l, 0, sizeof l);
    l.struct_size = sizeof l;
    CHECK(fiducia_report_landmark(report, index, &l) == FIDUCIA_STATUS_OK);
    return l;
}

static fiducia_report *detect(const fiducia_detector *detector, fiducia_image image)
{
    fiducia_report *report = NULL;
    char *message = NULL;

    if (fiducia_detect(detector, &image, &report, &message) != FIDUCIA_STATUS_OK) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    CHECK(message == NULL);
    return report;
}

static fiducia_detector *new_detector(const fiducia_pack *pack, const char *const *names, size_t count)
{
    fiducia_detector *detector = NULL;
    fiducia_detector_options options;

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.backend = FIDUCIA_BACKEND_CPU;
    options.landmarks = names;
    options.landmark_count = count;
    CHECK(fiducia_detector_new(pack, &options, &detector, NULL) == FIDUCIA_STATUS_OK);
    return detector;
}

static void *in_thread(void *detector)
{
    fiducia_report *report = detect(detector, view(pixels, 8, 0, (size_t)width * height));
    double *x = malloc(sizeof *x);

    CHECK(x != NULL);
    *x = landmark(report, 0).x_px;
    fiducia_report_free(report);
    return x;
}

/* Buffers that end with the last pixel, so that an out-of-bounds read is detected. */
static void strides(const fiducia_detector *detector, double want)
{
    size_t gap = 13, stride = width + gap, size = stride * (height - 1) + width, i;
    unsigned char *padded = malloc(size), *deep = malloc(2 * (size_t)width * height + 1);
    fiducia_report *report;
    unsigned y;

    CHECK(padded != NULL && deep != NULL);
    memset(padded, 255, size);
    for (y = 0; y < height; y++)
        memcpy(padded + y * stride, pixels + (size_t)y * width, width);
    report = detect(detector, view(padded, 8, stride, size));
    CHECK(landmark(report, 0).x_px == want);
    fiducia_report_free(report);

    /* At an odd address. */
    for (i = 0; i < (size_t)width * height; i++) {
        uint16_t value = pixels[i];
        memcpy(deep + 1 + 2 * i, &value, 2);
    }
    report = detect(detector, view(deep + 1, 16, 0, 2 * (size_t)width * height));
    CHECK(landmark(report, 0).x_px == want);
    fiducia_report_free(report);
    free(padded);
    free(deep);
}

static void refusal(const fiducia_detector *detector)
{
    size_t size = (size_t)width * height, i;
    unsigned char *negative = malloc(size);
    fiducia_image image;
    fiducia_report *report = NULL;
    fiducia_summary summary;
    char *message = NULL;

    CHECK(negative != NULL);
    for (i = 0; i < size; i++)
        negative[i] = (unsigned char)(255 - pixels[i]);
    image = view(negative, 8, 0, size);
    CHECK(fiducia_detect(detector, &image, &report, &message) == FIDUCIA_STATUS_REFUSED);
    CHECK(strstr(message, "invert the grey values") != NULL);
    fiducia_string_free(message);
    memset(&summary, 0, sizeof summary);
    summary.struct_size = sizeof summary;
    CHECK(fiducia_report_summary(report, &summary) == FIDUCIA_STATUS_OK);
    CHECK(summary.plausible == 0 && summary.landmark_count == 0 && summary.reason_count > 0);
    CHECK(fiducia_report_reason(report, 0) != NULL);
    fiducia_report_free(report);

    image.invert = 1;
    report = detect(detector, image);
    CHECK(landmark(report, 0).confident == 1);
    fiducia_report_free(report);
    free(negative);
}

static void wrong(const fiducia_pack *pack, const fiducia_detector *detector, const char *model)
{
    fiducia_image image = view(pixels, 8, 0, (size_t)width * height);
    fiducia_report *report = (fiducia_report *)&image;
    fiducia_pack *none = NULL;
    fiducia_detector *unused = NULL;
    char *message = NULL;
    uint8_t key[FIDUCIA_KEY_SIZE];
    struct {
        fiducia_detector_options old;
        unsigned char later[16];
    } newer;

    CHECK(fiducia_detect(NULL, &image, &report, &message) == FIDUCIA_STATUS_USAGE);
    CHECK(report == NULL && strcmp(message, "detector is NULL") == 0);
    fiducia_string_free(message);
    CHECK(fiducia_detect(detector, NULL, &report, NULL) == FIDUCIA_STATUS_USAGE);
    CHECK(fiducia_detect(detector, &image, NULL, NULL) == FIDUCIA_STATUS_USAGE);
    image.pixels_size--;
    CHECK(fiducia_detect(detector, &image, &report, NULL) == FIDUCIA_STATUS_USAGE);
    image.pixels_size++;
    image.struct_size = 3;
    CHECK(fiducia_detect(detector, &image, &report, NULL) == FIDUCIA_STATUS_USAGE);

    CHECK(fiducia_pack_open("nowhere.fid", NULL, &none, &message) == FIDUCIA_STATUS_UNREADABLE);
    CHECK(none == NULL && strstr(message, "nowhere.fid") != NULL);
    fiducia_string_free(message);
    CHECK(fiducia_pack_from_memory("junk", 4, NULL, &none, NULL) == FIDUCIA_STATUS_UNREADABLE);
    CHECK(fiducia_key_read(model, key, NULL) == FIDUCIA_STATUS_UNREADABLE);
    memset(key, 0, sizeof key);
    key[0] = 1;
    CHECK(fiducia_pack_open(model, key, &none, NULL) == FIDUCIA_STATUS_UNTRUSTED);

    memset(&newer, 0, sizeof newer);
    newer.old.struct_size = sizeof newer;
    newer.old.backend = FIDUCIA_BACKEND_CPU;
    CHECK(fiducia_detector_new(pack, &newer.old, &unused, NULL) == FIDUCIA_STATUS_OK);
    fiducia_detector_free(unused);
    newer.later[15] = 1;
    CHECK(fiducia_detector_new(pack, &newer.old, &unused, NULL) == FIDUCIA_STATUS_USAGE);
    CHECK(unused == NULL);

    CHECK(fiducia_pack_landmark(pack, 1000000) == NULL && fiducia_pack_landmark(NULL, 0) == NULL);
    CHECK(fiducia_pack_landmark_count(NULL) == 0 && fiducia_report_json(NULL) == NULL);
    fiducia_string_free(NULL);
    fiducia_pack_free(NULL);
    fiducia_detector_free(NULL);
    fiducia_report_free(NULL);
}

int main(int argc, char **argv)
{
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    fiducia_pack *pack = NULL;
    fiducia_detector *detector, *single;
    fiducia_report *report;
    fiducia_device device;
    const char *last;
    double first_x;
    int i;

    CHECK(argc == 3);
    read_pgm(argv[2]);
    CHECK(fiducia_abi_version() == FIDUCIA_ABI_VERSION);
    CHECK(fiducia_pack_open(argv[1], NULL, &pack, NULL) == FIDUCIA_STATUS_OK);
    CHECK(strlen(fiducia_pack_sha256(pack)) == 64 && strcmp(fiducia_pack_name(pack), "head") == 0);
    detector = new_detector(pack, NULL, 0);
    report = detect(detector, view(pixels, 8, 0, (size_t)width * height));
    first_x = landmark(report, 0).x_px;
    CHECK(isnan(landmark(report, 0).x_mm));
    CHECK(strcmp(landmark(report, 0).name, fiducia_pack_landmark(pack, 0)) == 0);
    CHECK(strstr(fiducia_report_json(report), "fiducia.report/1") != NULL);
    CHECK(fiducia_report_json(report) == fiducia_report_json(report));

    wrong(pack, detector, argv[1]);
    strides(detector, first_x);
    refusal(detector);
    last = fiducia_pack_landmark(pack, fiducia_pack_landmark_count(pack) - 1);
    single = new_detector(pack, &last, 1);
    fiducia_pack_free(pack);
    memset(&device, 0, sizeof device);
    device.struct_size = sizeof device;
    CHECK(fiducia_detector_device(single, &device) == FIDUCIA_STATUS_OK);
    CHECK(strcmp(device.kind, "cpu") == 0 && device.chosen_because == NULL);
    fiducia_detector_free(single);

    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, in_thread, detector) == 0);
    for (i = 0; i < THREADS; i++) {
        void *x;
        CHECK(pthread_join(threads[i], &x) == 0);
        CHECK(*(double *)x == first_x);
        free(x);
    }
    fiducia_detector_free(detector);
    CHECK(landmark(report, 0).x_px == first_x);
    fiducia_report_free(report);
    free(pixels);
    puts("ok");
    return 0;
}
