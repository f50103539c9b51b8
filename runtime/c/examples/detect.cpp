// detect MODEL IMAGE.pgm [SPACING_MM]: detect.c in C++, with RAII handles and errors as exceptions.
//
// c++ -std=c++17 detect.cpp $(pkg-config --cflags --libs fiducia)
#include <fiducia.h>

#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

template <auto Free> struct Deleter {
  template <class T> void operator()(T *it) const { Free(it); }
};
using Pack = std::unique_ptr<fiducia_pack, Deleter<fiducia_pack_free>>;
using Detector = std::unique_ptr<fiducia_detector, Deleter<fiducia_detector_free>>;
using Report = std::unique_ptr<fiducia_report, Deleter<fiducia_report_free>>;
using Message = std::unique_ptr<char, Deleter<fiducia_string_free>>;

struct Failure : std::runtime_error {
  fiducia_status status;
  Failure(fiducia_status code, const char *what) : runtime_error(what), status(code) {}
};

// The handle that `call(&handle, &message)` returns; throws if it fails.
template <class Owner, class Call> Owner create(Call call) {
  typename Owner::pointer handle = nullptr;
  char *text = nullptr;
  const fiducia_status status = call(&handle, &text);
  Owner owner(handle);
  const Message message(text);
  if (status != FIDUCIA_STATUS_OK) throw Failure(status, text ? text : "out of memory");
  return owner;
}

template <class T> T zeroed() {
  T it{};
  it.struct_size = sizeof it;
  return it;
}

static int run(const std::string &model, const std::string &path, double spacing_mm) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  unsigned width = 0, height = 0, depth = 0;
  if (!(file >> magic >> width >> height >> depth) || magic != "P5" || depth != 255 ||
      width > 16384 || height > 16384)
    throw Failure(FIDUCIA_STATUS_UNREADABLE, "not a binary 8-bit PGM");
  file.get();
  std::vector<char> pixels(std::size_t(width) * height);
  if (!file.read(pixels.data(), std::streamsize(pixels.size())))
    throw Failure(FIDUCIA_STATUS_UNREADABLE, "the PGM is truncated");

  const auto pack = create<Pack>([&](auto out, auto message) {
    return fiducia_pack_open(model.c_str(), nullptr, out, message);
  });
  auto options = zeroed<fiducia_detector_options>();
  options.backend = FIDUCIA_BACKEND_CPU;
  const auto detector = create<Detector>([&](auto out, auto message) {
    return fiducia_detector_new(pack.get(), &options, out, message);
  });

  auto image = zeroed<fiducia_image>();
  image.pixels = pixels.data();
  image.pixels_size = pixels.size();
  image.width = width;
  image.height = height;
  image.bits = 8;
  image.spacing_x_mm = image.spacing_y_mm = spacing_mm;
  const auto report = create<Report>([&](auto out, auto message) {
    return fiducia_detect(detector.get(), &image, out, message);
  });

  auto summary = zeroed<fiducia_summary>();
  fiducia_report_summary(report.get(), &summary);
  std::cout << "landmark,x_px,y_px,confident\n" << std::fixed << std::setprecision(3);
  for (std::size_t i = 0; i < summary.landmark_count; i++) {
    auto l = zeroed<fiducia_landmark>();
    fiducia_report_landmark(report.get(), i, &l);
    std::cout << l.name << ',' << l.x_px << ',' << l.y_px << ',' << (l.confident ? "true" : "false")
              << '\n';
  }
  return 0;
}

int main(int argc, char **argv) try {
  if (argc < 3) throw Failure(FIDUCIA_STATUS_USAGE, "usage: detect MODEL IMAGE.pgm [SPACING_MM]");
  return run(argv[1], argv[2], argc > 3 ? std::stod(argv[3]) : 0.0);
} catch (const Failure &failure) {
  std::cerr << failure.what() << '\n';
  return failure.status;
} catch (const std::exception &failure) {
  std::cerr << failure.what() << '\n';
  return FIDUCIA_STATUS_INTERNAL;
}
