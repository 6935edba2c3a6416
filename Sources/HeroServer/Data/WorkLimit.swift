import Glibc

/// Lets a fixed number of threads work at the same time; the others wait in line.
final class WorkLimit: @unchecked Sendable {
    // The mutex protects `free`, and both stay at one address because they are allocated.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var free: Int

    init(_ count: Int) {
        free = count
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs a closure as soon as it may.
    func perform<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        while free == 0 { pthread_cond_wait(condition, mutex) }
        free -= 1
        pthread_mutex_unlock(mutex)
        defer {
            pthread_mutex_lock(mutex)
            free += 1
            pthread_cond_signal(condition)
            pthread_mutex_unlock(mutex)
        }
        return body()
    }
}
