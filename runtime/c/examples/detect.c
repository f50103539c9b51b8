/*
 * detect MODEL IMAGE.pgm [SPACING_MM]: prints the landmarks as CSV. Exit codes are those of the fiducia program.
 *
 * cc detect.c $(pkg-config --cflags --libs fiducia)
 */
#include <fiducia.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads an 8-bit binary PGM, as written by `convert image.png image.pgm`. Returns NULL if it is none. */
static unsigned char *read_pgm(const char *path, unsigned *width, unsigned *height)
{
    FILE *file = fopen(path, "rb");
    unsigned char *pixels = NULL;
    unsigned depth;

    if (file == NULL)
        return NULL;
    if (fscanf(file, "P5 %u %u %u", width, height, &depth) == 3 && depth == 255 &&
        fgetc(file) != EOF && *width <= 16384 && *height <= 16384) {
        size_t size = (size_t)*width * *height;
        pixels = malloc(size);
        if (pixels != NULL && fread(pixels, 1, size, file) != size) {
            free(pixels);
            pixels = NULL;
        }
    }
    fclose(file);
    return pixels;
}

/* Prints and frees the error message. */
static int fail(fiducia_status status, char *message)
{
    fprintf(stderr, "%s\n", message != NULL ? message : "out of memory");
    fiducia_string_free(message);
    return (int)status;
}

static void print(const fiducia_report *report)
{
    fiducia_summary summary;
    size_t i;

    memset(&summary, 0, sizeof summary);
    summary.struct_size = sizeof summary;
    fiducia_report_summary(report, &summary);
    fprintf(stderr, "%s, model %.12s, %s: %s, %.0f ms\n", summary.image, summary.model_sha256,
            summary.device_kind, summary.device_name, summary.total_ms);
    puts("landmark,x_px,y_px,x_mm,y_mm,expected_error_mm,expected_error_px,confident");
    for (i = 0; i < summary.landmark_count; i++) {
        fiducia_landmark l;
        memset(&l, 0, sizeof l);
        l.struct_size = sizeof l;
        fiducia_report_landmark(report, i, &l);
        printf("%s,%.3f,%.3f,%.4f,%.4f,%.4f,%.3f,%s\n", l.name, l.x_px, l.y_px, l.x_mm, l.y_mm,
               l.expected_error_mm, l.expected_error_px, l.confident ? "true" : "false");
    }
}

int main(int argc, char **argv)
{
    fiducia_pack *pack = NULL;
    fiducia_detector *detector = NULL;
    fiducia_report *report = NULL;
    fiducia_detector_options options;
    fiducia_image image;
    fiducia_status status;
    unsigned char *pixels;
    char *message = NULL;
    int code = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: detect MODEL IMAGE.pgm [SPACING_MM]\n");
        return FIDUCIA_STATUS_USAGE;
    }
    if (fiducia_abi_version() != FIDUCIA_ABI_VERSION) {
        fprintf(stderr, "libfiducia %s has another ABI version; recompile this program\n", fiducia_version());
        return FIDUCIA_STATUS_USAGE;
    }
    memset(&image, 0, sizeof image);
    image.struct_size = sizeof image;
    pixels = read_pgm(argv[2], &image.width, &image.height);
    if (pixels == NULL) {
        fprintf(stderr, "%s is not a binary 8-bit PGM\n", argv[2]);
        return FIDUCIA_STATUS_UNREADABLE;
    }
    image.pixels = pixels;
    image.pixels_size = (size_t)image.width * image.height;
    image.bits = 8;
    image.name = argv[2];
    if (argc > 3)
        image.spacing_x_mm = image.spacing_y_mm = atof(argv[3]);

    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.backend = FIDUCIA_BACKEND_CPU;

    status = fiducia_pack_open(argv[1], NULL, &pack, &message);
    if (status == FIDUCIA_STATUS_OK)
        status = fiducia_detector_new(pack, &options, &detector, &message);
    if (status == FIDUCIA_STATUS_OK)
        status = fiducia_detect(detector, &image, &report, &message);
    if (status == FIDUCIA_STATUS_OK)
        print(report);
    else
        code = fail(status, message);

    fiducia_report_free(report);
    fiducia_detector_free(detector);
    fiducia_pack_free(pack);
    free(pixels);
    return code;
}
