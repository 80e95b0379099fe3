// Lines: input rows in a buffer, where neighbouring columns lie side by side channel by channel, so that the
// lanes of a vector are output positions. Private to the driver of that name.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "conv/plan.h"

namespace convkit {

struct Range {
  int64_t begin = std::numeric_limits<int64_t>::max(), end = std::numeric_limits<int64_t>::min();

  int64_t length() const { return end > begin ? end - begin : 0; }
  void include(int64_t from, int64_t to) {
    begin = std::min(begin, from);
    end = std::max(end, to);
  }
};

// The output positions and groups of one chunk, in each grid's own count, and all input positions they read.
struct LineChunk {
  int64_t image, plane;
  Range rows, columns, groups;
  Range inPlanes, inRows, inColumns;

  void findInput(const std::vector<GridReach>&);
};

// The input of a chunk. With a stride along the width a line's columns are sorted by their remainder.
struct LineBuffer {
  float* data;
  int64_t phases, pitch;  // remainders, and floats from one to the next
  int64_t left;           // columns before the first of the image
  int64_t length;         // of a line: all remainders
  int64_t rowStep, planeStep, channelStep;

  // Where the image's first column is.
  int64_t shift() const { return phases == 2 ? (left + 1) / 2 : left; }
  // Where input column `column` of a line is, counted from the chunk's first.
  int64_t at(int64_t column) const {
    return phases == 1 ? column : column % phases * pitch + column / phases;
  }
};

// Whether input channels are planes, each with its positions side by side.
inline bool liesInPlanes(const Conv& conv) { return readsPlanes(conv) || conv.geometry.inChannels == 1; }

LineBuffer fillLines(const Conv&, const LineChunk&, const float* x, Scratch&);
void runChunk(const Conv&, const PackedFilter&, const LineChunk&, const LineBuffer&, Scratch&, Output y);

}  // namespace convkit
