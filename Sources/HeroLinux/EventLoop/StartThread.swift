import Glibc

/// Runs a closure on a new thread.
///
/// - Returns: 0, or the errno if no thread can be created. (libdispatch would block the caller until a PID is free,
///   RX-2.)
func startThread(_ work: @escaping @Sendable () -> Void) -> Int32 {
    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let memory = Unmanaged.passRetained(Work(work))
    var thread = pthread_t()
    let error = pthread_create(
        &thread,
        nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        },
        memory.toOpaque()
    )
    guard error == 0 else {
        memory.release()
        return error
    }
    pthread_detach(thread)
    return 0
}
