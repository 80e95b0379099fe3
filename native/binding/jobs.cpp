// Promises for background jobs. When the environment ends, its jobs are cancelled and waited for before any
// of its memory can go; promises still pending then are never settled.
#include "binding/jobs.h"

#include <system_error>

#include "binding/arguments.h"

namespace convkit {

struct Jobs::Promised : Job {
  std::shared_ptr<Promised> self;  // holds the job until it has settled
  napi_deferred deferred = nullptr;
  napi_ref kept = nullptr;
};

Jobs::Jobs(napi_env env) : env_(env) {
  const Napi::String name = Napi::String::New(env, "convkit job");
  require(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                               settle, &settled_));
  require(env, napi_unref_threadsafe_function(env, settled_));
  // Hooks run in reverse order: this one before the hook that frees the thread-safe function.
  const auto close = [](void* jobs) { JobThread::instance().close(*static_cast<Jobs*>(jobs)); };
  require(env, napi_add_env_cleanup_hook(env, close, this));
}

napi_value Jobs::submit(std::function<void(const CancelFlag*)> work, const std::vector<napi_value>& kept) {
  const auto job = std::make_shared<Promised>();
  job->work = std::move(work);

  const Napi::Env env(env_);
  Napi::Array list = Napi::Array::New(env, kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) list.Set(static_cast<uint32_t>(i), kept[i]);
  napi_value promise = nullptr;
  require(env_, napi_create_promise(env_, &job->deferred, &promise));
  Napi::Object object = Napi::Object::New(env);
  object.Set("finished", promise);
  object.Set("cancel",
             Napi::Function::New(
                 env, [this, job](const Napi::CallbackInfo&) { JobThread::instance().cancel(*this, job); },
                 "cancel"));
  require(env_, napi_create_reference(env_, list, 1, &job->kept));

  job->self = job;
  try {
    JobThread::instance().submit(*this, job);
  } catch (...) {
    job->self = nullptr;
    napi_delete_reference(env_, job->kept);
    throw;
  }
  if (pending_++ == 0) napi_ref_threadsafe_function(env_, settled_);
  return object;
}

void Jobs::report(const std::shared_ptr<Job>& job) noexcept {
  napi_call_threadsafe_function(settled_, static_cast<Promised*>(job.get()), napi_tsfn_nonblocking);
}

// On the environment's own thread, or without an environment when it ends before the report is read. Every
// status is let pass: a terminated worker refuses to run JavaScript, and nobody is left to be told.
void Jobs::settle(napi_env env, napi_value, void* context, void* data) {
  const std::shared_ptr<Promised> job = std::move(static_cast<Promised*>(data)->self);
  if (env == nullptr) return;
  auto& jobs = *static_cast<Jobs*>(context);
  if (--jobs.pending_ == 0) napi_unref_threadsafe_function(env, jobs.settled_);
  napi_delete_reference(env, job->kept);

  napi_value value = nullptr;
  if (job->outcome == Job::Outcome::failed) {
    napi_value code = nullptr, message = nullptr;
    napi_create_string_utf8(env, "ERR_MEMORY_ALLOCATION_FAILED", NAPI_AUTO_LENGTH, &code);
    napi_create_string_utf8(env, "submit: not enough memory", NAPI_AUTO_LENGTH, &message);
    if (napi_create_error(env, code, message, &value) == napi_ok)
      napi_reject_deferred(env, job->deferred, value);
    return;
  }
  const char* const outcome = job->outcome == Job::Outcome::done ? "done" : "cancelled";
  if (napi_create_string_utf8(env, outcome, NAPI_AUTO_LENGTH, &value) == napi_ok) {
    napi_resolve_deferred(env, job->deferred, value);
  }
}

}  // namespace convkit
