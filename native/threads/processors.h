// How many threads this process may really use at once.
#pragma once

#include <string>

namespace convkit::detail {

int affineProcessors();  // the processors this process may be scheduled on, at least 1
// The processors' worth of time that the control group (v2 or v1) allows, rounded up; 0 where there is no
// limit. `root` goes before every path: empty outside tests.
int quotaProcessors(const std::string& root);

}  // namespace convkit::detail
