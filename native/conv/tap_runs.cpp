#include "conv/tap_runs.h"

#include <algorithm>

namespace convkit {

TapRuns::TapRuns(const Conv& conv)
    : grid_(&conv.grids[0]),
      pixels_(conv.geometry.inputSize.product()),
      inputStep_(conv.geometry.stride.width * conv.geometry.inChannels),
      outputStep_(conv.geometry.outChannels) {
  const Axis& width = grid_->width;
  for (int64_t k = 0; k < width.kernel; k++) {
    std::vector<Segment> segments;
    for (int64_t w = 0; w < width.output; w++) {
      const int64_t source = width.taps(w)[k];
      if (source == kPadding) continue;
      Segment* const last = segments.empty() ? nullptr : &segments.back();
      if (last != nullptr && last->end == w && source == last->source + (w - last->begin) * width.stride)
        last->end = w + 1;
      else segments.push_back({w, w + 1, source});
    }
    columns_.push_back(std::move(segments));
  }
}

int64_t TapRuns::find(const Tap& tap, int64_t first, int64_t count, const float* x, const float* upstream,
                      OuterRun* runs) const {
  const Axis &depth = grid_->depth, &height = grid_->height, &width = grid_->width;
  const int64_t channels = inputStep_ / width.stride;
  const std::vector<Segment>& segments = columns_[static_cast<std::size_t>(tap.width)];
  int64_t found = 0;
  int64_t line = first / width.output;  // of the output, counted over the batch
  for (int64_t p = first; p < first + count; line++) {
    const int64_t lineStart = line * width.output;
    const int64_t begin = p - lineStart, end = std::min(width.output, first + count - lineStart);
    p = lineStart + end;
    const int64_t h = line % height.output, plane = line / height.output, d = plane % depth.output;
    const int64_t row = height.taps(h)[tap.height], z = depth.taps(d)[tap.depth];
    if (row == kPadding || z == kPadding) continue;
    const int64_t from = plane / depth.output * pixels_ + (z * height.input + row) * width.input;
    for (const Segment& segment : segments) {
      const int64_t left = std::max(begin, segment.begin), right = std::min(end, segment.end);
      if (left >= right) continue;
      const int64_t pixel = from + segment.source + (left - segment.begin) * width.stride;
      const OuterRun run{x + pixel * channels, upstream + (lineStart + left) * outputStep_, right - left};
      OuterRun* const before = found > 0 ? &runs[found - 1] : nullptr;
      if (before != nullptr && before->rows + before->positions * inputStep_ == run.rows &&
          before->lanes + before->positions * outputStep_ == run.lanes)
        before->positions += run.positions;
      else runs[found++] = run;
    }
  }
  return found;
}

}  // namespace convkit
