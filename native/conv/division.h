// How a dense product is divided between threads. It changes no chain, so it may depend on their number.
#pragma once

#include "conv/plan.h"

namespace convkit {

// What a chunk computes: of the positions [begin, end), cut into tiles, block `block` of `blocks`; of the
// panels [panelBegin, panelEnd). Its thread likely goes on with panel `nextPanel`.
struct Part {
  int64_t begin, end, block, blocks;
  int64_t panelBegin, panelEnd, nextPanel;
};

// The positions of a dense convolution and its panels in chunks, as many for each thread.
class Division {
 public:
  // Where tiles lie in columns, those are `columnHeight` positions; otherwise 0.
  Division(const Conv&, const PackedFilter&, int64_t positions, int64_t columnHeight = 0);

  int64_t chunks() const;
  Part part(int64_t chunk) const;
  // Whether every thread computes a run of positions, all channels of it.
  bool isByPositions() const { return parts_ > 1 && !panelByPanel_; }

 private:
  void divide(const Conv&, int64_t tiles);
  void byPanels(int64_t positionBlocks, int64_t panelBlocks);
  void byPositions(int64_t positionBlocks, int64_t panelBlocks);

  int64_t positions_, panels_, threads_;
  bool runs_;  // tiles are runs of positions
  int64_t positionBlocks_ = 1, panelBlocks_ = 1;
  int64_t parts_ = 1;          // of the positions, each with tiles of its own
  int64_t shared_ = 0;         // the last panels, which are cut by positions while the others are dealt out
  bool panelByPanel_ = false;  // a thread's chunks share panels rather than positions
};

}  // namespace convkit
