/*
 * fiducia: finds anatomical landmarks on X-ray images. Not a medical device.
 *
 * Written by cbindgen from runtime/c/src; do not edit.
 *
 * Calls. A function that can fail returns a fiducia_status, FIDUCIA_STATUS_OK being 0. Where it takes `message`,
 * it leaves a sentence (UTF-8) there that says what was wrong and what to do, or NULL where all went well; the
 * caller frees it with fiducia_string_free. Pass NULL for `message` to have none. Handles that a call hands out are
 * NULL where it failed. NULL for any other pointer is FIDUCIA_STATUS_USAGE unless its comment says what it means.
 *
 * Ownership. What a fiducia_..._new, _open, _from_memory or fiducia_detect hands out is the caller's, to be freed
 * once with the function that its comment names; pack, detector and report may be freed in any order. A
 * `const char *` that is returned, or stands in a struct, belongs to the handle that it came from and lives as long.
 * What the caller passes in stays the caller's and is not kept beyond the call.
 *
 * Structs. Set all bytes of a struct to zero, then struct_size to its sizeof, then what is wanted. Zero is the
 * default of every field. Structs may grow at their end; a program goes on with a newer library as it was compiled,
 * as long as fiducia_abi_version() equals its FIDUCIA_ABI_VERSION.
 *
 * Threads. Every function may be called from any thread, at the same time as any other. Threads may share handles:
 * packs and reports never change, and calls on one detector wait for each other, so that for several images at once
 * each thread needs a detector of its own. Only freeing is no such call: nobody may be using the handle then or
 * later. A detection itself uses all cores.
 *
 * Faults. No Rust panic leaves the library: it becomes FIDUCIA_STATUS_INTERNAL. A detector in which one happened
 * answers so from then on; free it and make a new one. fiducia writes nothing to standard output or error (a GPU
 * driver may).
 */


#ifndef FIDUCIA_H
#define FIDUCIA_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of the binary interface. It changes when a program would have to be compiled again.
 */
#define FIDUCIA_ABI_VERSION 1

/**
 * Bytes of a maker's public key.
 */
#define FIDUCIA_KEY_SIZE 32

/**
 * Outcome of a call. 1 to 6 mean what the exit codes of the `fiducia` command mean.
 */
enum fiducia_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Done.
   */
  FIDUCIA_STATUS_OK = 0,
  /**
   * A fault of fiducia, which the message describes.
   */
  FIDUCIA_STATUS_INTERNAL = 1,
  /**
   * An argument is wrong: a null pointer, sizes that do not fit each other, an unknown landmark.
   */
  FIDUCIA_STATUS_USAGE = 2,
  /**
   * A model or key cannot be read: missing, damaged, of an unknown form.
   */
  FIDUCIA_STATUS_UNREADABLE = 3,
  /**
   * The image does not look like what the model was made for; there are no landmarks.
   */
  FIDUCIA_STATUS_REFUSED = 4,
  /**
   * A GPU was asked for and there is none, or none that can run the model.
   */
  FIDUCIA_STATUS_NO_GPU = 5,
  /**
   * The model is not signed by the maker whose key was given.
   */
  FIDUCIA_STATUS_UNTRUSTED = 6,
  /**
   * The GPU cannot hold the model or the image.
   */
  FIDUCIA_STATUS_GPU_MEMORY = 7,
  /**
   * The GPU computes something else than it should.
   */
  FIDUCIA_STATUS_GPU_WRONG = 8,
  /**
   * The GPU went away while it was working; a new detector may find it again.
   */
  FIDUCIA_STATUS_GPU_LOST = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum fiducia_status fiducia_status;
#else
typedef int32_t fiducia_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What runs the networks; the field `backend` of `fiducia_detector_options`.
 */
enum fiducia_backend
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * A real GPU where there is one, else the CPU.
   */
  FIDUCIA_BACKEND_AUTO = 0,
  /**
   * The CPU.
   */
  FIDUCIA_BACKEND_CPU = 1,
  /**
   * A GPU, or an error.
   */
  FIDUCIA_BACKEND_GPU = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum fiducia_backend fiducia_backend;
#else
typedef uint32_t fiducia_backend;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A model ready to run on a device. Opaque; threads may share it, one detects while the others wait.
 */
typedef struct fiducia_detector fiducia_detector;

/**
 * A model that was read and checked. Opaque; it does not change, so threads may share it.
 */
typedef struct fiducia_pack fiducia_pack;

/**
 * The result for one image. Opaque; it does not change, so threads may share it.
 */
typedef struct fiducia_report fiducia_report;

/**
 * How to make a detector. All zero but the size: all landmarks, on a real GPU where there is one.
 */
typedef struct fiducia_detector_options {
  /**
   * `sizeof(fiducia_detector_options)`.
   */
  size_t struct_size;
  /**
   * Run on the first GPU whose name contains this (UTF-8), the only way to a software rasteriser; NULL for any.
   */
  const char *adapter;
  /**
   * Names (UTF-8) of the landmarks to look for; NULL for all. They come out as they do among all, in less time.
   */
  const char *const *landmarks;
  /**
   * How many names `landmarks` holds.
   */
  size_t landmark_count;
  /**
   * A `fiducia_backend`.
   */
  uint32_t backend;
  /**
   * Zero.
   */
  uint32_t reserved;
} fiducia_detector_options;

/**
 * What runs the networks of a detector. The texts live as long as the detector.
 */
typedef struct fiducia_device {
  /**
   * `sizeof(fiducia_device)`, set by the caller.
   */
  size_t struct_size;
  /**
   * `cpu` or `gpu`.
   */
  const char *kind;
  /**
   * Name of the processor or adapter.
   */
  const char *name;
  /**
   * Engine or driver and its version.
   */
  const char *driver;
  /**
   * Why it was taken, where the choice was left to fiducia; else NULL.
   */
  const char *chosen_because;
} fiducia_device;

/**
 * A grey image in the caller's memory, row by row from the top. It is only read, and only during the call.
 */
typedef struct fiducia_image {
  /**
   * `sizeof(fiducia_image)`.
   */
  size_t struct_size;
  /**
   * The first pixel of the first row.
   */
  const void *pixels;
  /**
   * How many bytes may be read from `pixels` on; the last row need not be followed by a gap.
   */
  size_t pixels_size;
  /**
   * From the start of a row to the start of the next one, bytes; 0: no gap between rows.
   */
  size_t stride;
  /**
   * Width, px.
   */
  uint32_t width;
  /**
   * Height, px.
   */
  uint32_t height;
  /**
   * 8: a byte per pixel. 16: two bytes in the byte order of the machine, at any alignment; values need not use
   * all 16 bits.
   */
  uint32_t bits;
  /**
   * Not 0: invert the grey values first, for images on which bone is dark (MONOCHROME1).
   */
  uint32_t invert;
  /**
   * Size of a pixel at the detector in x, mm; 0 in both: unknown, and all mm of the result are NaN.
   */
  double spacing_x_mm;
  /**
   * Size of a pixel at the detector in y, mm.
   */
  double spacing_y_mm;
  /**
   * How messages and the report call the image (UTF-8); NULL: `image`.
   */
  const char *name;
} fiducia_image;

/**
 * A report but for its landmarks. The texts live as long as the report.
 */
typedef struct fiducia_summary {
  /**
   * `sizeof(fiducia_summary)`, set by the caller.
   */
  size_t struct_size;
  /**
   * Width of the image, px.
   */
  uint32_t width;
  /**
   * Height of the image, px.
   */
  uint32_t height;
  /**
   * Size of a pixel in x, mm; NaN: unknown.
   */
  double spacing_x_mm;
  /**
   * Size of a pixel in y, mm; NaN: unknown.
   */
  double spacing_y_mm;
  /**
   * Number of landmarks; 0 where the image was refused.
   */
  size_t landmark_count;
  /**
   * Number of reasons for the refusal; 0 where the image was not refused.
   */
  size_t reason_count;
  /**
   * 1: the image looks like those that the model was made for. 0: it was refused.
   */
  uint32_t plausible;
  /**
   * 1: the grey values were inverted before anything was looked for.
   */
  uint32_t inverted;
  /**
   * Wall time of the detection, ms.
   */
  double total_ms;
  /**
   * The image as the caller named it.
   */
  const char *image;
  /**
   * Name of the model.
   */
  const char *model_name;
  /**
   * SHA-256 of the whole model file, hexadecimal.
   */
  const char *model_sha256;
  /**
   * `cpu` or `gpu`: what ran the networks.
   */
  const char *device_kind;
  /**
   * Name of the processor or adapter.
   */
  const char *device_name;
  /**
   * Engine or driver and its version.
   */
  const char *device_driver;
} fiducia_summary;

/**
 * One landmark. (0, 0) is the centre of the top-left pixel, x to the right, y down; mm = px times spacing. The
 * name lives as long as the report.
 */
typedef struct fiducia_landmark {
  /**
   * `sizeof(fiducia_landmark)`, set by the caller.
   */
  size_t struct_size;
  /**
   * Its name in the model.
   */
  const char *name;
  /**
   * Position, px.
   */
  double x_px;
  /**
   * Position, px.
   */
  double y_px;
  /**
   * Position, mm; NaN where the spacing is unknown.
   */
  double x_mm;
  /**
   * Position, mm; NaN where the spacing is unknown.
   */
  double y_mm;
  /**
   * Expected distance to the true position, px.
   */
  double expected_error_px;
  /**
   * Expected distance to the true position, mm; NaN where the spacing is unknown.
   */
  double expected_error_mm;
  /**
   * Covariance of the position: xx, xy, yy; px^2.
   */
  double covariance_px2[3];
  /**
   * 0: check this landmark by eye.
   */
  uint32_t confident;
  /**
   * Zero.
   */
  uint32_t reserved;
} fiducia_landmark;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the binary interface that the library has; a program that was compiled with the same
 * `FIDUCIA_ABI_VERSION` can use it.
 */
uint32_t fiducia_abi_version(void);

/**
 * The version of fiducia, such as `0.1.0`. Never freed.
 */
const char *fiducia_version(void);

/**
 * Frees a message. NULL is let be.
 */
void fiducia_string_free(char *text);

/**
 * Reads a maker's public key from a PEM file, as `fiducia-train keygen` or `openssl pkey -pubout` write it, into
 * the `FIDUCIA_KEY_SIZE` bytes at `key`.
 */
fiducia_status fiducia_key_read(const char *path,
                                uint8_t *key,
                                char **message);

/**
 * Reads and checks the model file at `path` (bytes as the operating system takes them). With a `signer_key` of
 * `FIDUCIA_KEY_SIZE` bytes only a model that its maker signed is taken; NULL takes any. The caller frees `*pack`
 * with `fiducia_pack_free`.
 */
fiducia_status fiducia_pack_open(const char *path,
                                 const uint8_t *signer_key,
                                 struct fiducia_pack **pack,
                                 char **message);

/**
 * As `fiducia_pack_open`, from the `size` bytes of a model file in memory. They are copied.
 */
fiducia_status fiducia_pack_from_memory(const void *bytes,
                                        size_t size,
                                        const uint8_t *signer_key,
                                        struct fiducia_pack **pack,
                                        char **message);

/**
 * Frees a model. Detectors made from it stay usable. NULL is let be.
 */
void fiducia_pack_free(struct fiducia_pack *pack);

/**
 * The name of the model, which lives as long as `pack`; NULL for NULL.
 */
const char *fiducia_pack_name(const struct fiducia_pack *pack);

/**
 * SHA-256 of the whole model file, hexadecimal, which lives as long as `pack`; NULL for NULL.
 */
const char *fiducia_pack_sha256(const struct fiducia_pack *pack);

/**
 * How many landmarks the model has; 0 for NULL.
 */
size_t fiducia_pack_landmark_count(const struct fiducia_pack *pack);

/**
 * The name of landmark number `index`, from 0 on, which lives as long as `pack`; NULL where there is none.
 */
const char *fiducia_pack_landmark(const struct fiducia_pack *pack,
                                  size_t index);

/**
 * Makes a model ready to run, which takes a while. NULL `options` are all zero: all landmarks, on a real GPU where
 * there is one, else on the CPU. `pack` may be freed afterwards. The caller frees `*detector` with
 * `fiducia_detector_free`.
 */
fiducia_status fiducia_detector_new(const struct fiducia_pack *pack,
                                    const struct fiducia_detector_options *options,
                                    struct fiducia_detector **detector,
                                    char **message);

/**
 * Frees a detector. Its reports stay usable. No other thread may be using it. NULL is let be.
 */
void fiducia_detector_free(struct fiducia_detector *detector);

/**
 * Fills `*device`, whose `struct_size` the caller has set, with what runs the networks.
 */
fiducia_status fiducia_detector_device(const struct fiducia_detector *detector,
                                       struct fiducia_device *device);

/**
 * Finds the landmarks on `image`. The caller frees `*report` with `fiducia_report_free`.
 *
 * `FIDUCIA_STATUS_REFUSED` means that the image does not look like what the model was made for. The message says
 * why; `*report` then holds the reasons and no landmarks, or is NULL where the image is too small or too flat to
 * be looked at. Images of other kinds are refused, but not every wrong image is.
 */
fiducia_status fiducia_detect(const struct fiducia_detector *detector,
                              const struct fiducia_image *image,
                              struct fiducia_report **report,
                              char **message);

/**
 * Frees a report and the texts that it lent. NULL is let be.
 */
void fiducia_report_free(struct fiducia_report *report);

/**
 * Fills `*summary`, whose `struct_size` the caller has set.
 */
fiducia_status fiducia_report_summary(const struct fiducia_report *report,
                                      struct fiducia_summary *summary);

/**
 * Fills `*landmark`, whose `struct_size` the caller has set, with landmark number `index`, from 0 on.
 * `FIDUCIA_STATUS_USAGE` where there is none.
 */
fiducia_status fiducia_report_landmark(const struct fiducia_report *report,
                                       size_t index,
                                       struct fiducia_landmark *landmark);

/**
 * Reason number `index`, from 0 on, for refusing the image, which lives as long as `report`; NULL where there is
 * none.
 */
const char *fiducia_report_reason(const struct fiducia_report *report,
                                  size_t index);

/**
 * The whole report as JSON (schema `fiducia.report/1`), which lives as long as `report`; NULL for NULL.
 */
const char *fiducia_report_json(const struct fiducia_report *report);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FIDUCIA_H */
