// Beginning and end of an environment.
#include "binding/environment.h"

#include <mutex>

#include "binding/job_thread.h"
#include "binding/jobs.h"
#include "threads/parallel.h"

namespace convkit {
namespace {

std::mutex& countMutex() {
  static auto* const mutex = new std::mutex;
  return *mutex;
}
int environments = 0;  // under countMutex()

// Another environment may begin while the last one's threads leave: the job thread and the pool then start
// new ones.
void forgetEnvironment(void*) {
  {
    const std::lock_guard<std::mutex> lock(countMutex());
    if (--environments > 0) return;
  }
  JobThread::instance().join();
  joinWorkers();
  releaseScratch();
}

}  // namespace

Environment::Environment(napi_env owner) : env(owner) {}
Environment::~Environment() = default;

void countEnvironment(Environment& environment) {
  {
    const std::lock_guard<std::mutex> lock(countMutex());
    ++environments;
  }
  // Node aborts where a hook is added twice with one argument, so each environment passes itself.
  require(environment.env, napi_add_env_cleanup_hook(environment.env, forgetEnvironment, &environment));
}

}  // namespace convkit
