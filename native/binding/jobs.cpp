// Promises for background jobs. When the environment ends, its jobs are cancelled and waited for before any
// of its memory can go; promises still pending then are never settled.
#include "binding/jobs.h"

#include <system_error>

#include "binding/arguments.h"

namespace convkit {

namespace {

constexpr const char* kNumber = "number";  // the property by which a job finds itself

}  // namespace

struct Jobs::Promised : Job {
  std::shared_ptr<Promised> self;  // holds the job until it has settled
  int64_t number = 0;
  napi_deferred deferred = nullptr;
  napi_ref kept = nullptr;
};

Jobs::Jobs(napi_env env) : env_(env) {
  const Napi::String name = Napi::String::New(env, "convkit job");
  require(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                               settle, &settled_));
  require(env, napi_unref_threadsafe_function(env, settled_));
  napi_value cancel = nullptr;
  require(env, napi_create_function(env, "cancel", NAPI_AUTO_LENGTH, cancelThis, this, &cancel));
  require(env, napi_create_reference(env, cancel, 1, &cancel_));
  // Hooks run in reverse order: this one before the hook that frees the thread-safe function.
  const auto close = [](void* jobs) { JobThread::instance().close(*static_cast<Jobs*>(jobs)); };
  require(env, napi_add_env_cleanup_hook(env, close, this));
}

// The job is on its way before JavaScript's side of it is made: 25 us that the thread needs to wake up.
napi_value Jobs::submit(std::function<void(const CancelFlag*)> work, const std::vector<napi_value>& kept) {
  const auto job = std::make_shared<Promised>();
  job->work = std::move(work);
  begin(job, kept);

  const Napi::Env env(env_);
  napi_value promise = nullptr, cancel = nullptr;
  require(env_, napi_create_promise(env_, &job->deferred, &promise));
  require(env_, napi_get_reference_value(env_, cancel_, &cancel));
  Napi::Object object = Napi::Object::New(env);
  object.Set("finished", promise);
  object.Set("cancel", cancel);
  object.Set(kNumber, Napi::Number::New(env, static_cast<double>(job->number)));
  return object;
}

void Jobs::begin(const std::shared_ptr<Promised>& job, const std::vector<napi_value>& kept) {
  const Napi::Env env(env_);
  Napi::Array list = Napi::Array::New(env, kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) list.Set(static_cast<uint32_t>(i), kept[i]);
  require(env_, napi_create_reference(env_, list, 1, &job->kept));

  job->self = job;
  job->number = submitted_++;
  try {
    pending_.emplace(job->number, job.get());
    JobThread::instance().submit(*this, job);
  } catch (...) {
    pending_.erase(job->number);
    job->self = nullptr;
    napi_delete_reference(env_, job->kept);
    throw;
  }
  if (pending_.size() == 1) napi_ref_threadsafe_function(env_, settled_);
}

napi_value Jobs::cancelThis(napi_env env, napi_callback_info info) {
  napi_value self = nullptr, number = nullptr;
  void* data = nullptr;
  int64_t wanted = 0;
  std::size_t count = 0;
  if (napi_get_cb_info(env, info, &count, nullptr, &self, &data) != napi_ok ||
      napi_get_named_property(env, self, kNumber, &number) != napi_ok ||
      napi_get_value_int64(env, number, &wanted) != napi_ok) {
    return nullptr;
  }
  auto& jobs = *static_cast<Jobs*>(data);
  const auto found = jobs.pending_.find(wanted);
  if (found != jobs.pending_.end()) JobThread::instance().cancel(jobs, found->second->self);
  return nullptr;
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
  jobs.pending_.erase(job->number);
  if (jobs.pending_.empty()) napi_unref_threadsafe_function(env, jobs.settled_);
  napi_delete_reference(env, job->kept);
  if (job->deferred == nullptr) return;  // nobody was given its promise

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
