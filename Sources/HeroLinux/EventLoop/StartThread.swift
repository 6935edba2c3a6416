import Glibc

/// Runs a closure on a new thread, for work that may block and must not delay the caller.
///
/// - Parameters:
///   - stackSize: The size of its stack in bytes; nil: that of the C library.
///   - work: The closure.
/// - Returns: 0, or the errno if no thread can be created. (libdispatch would block the caller until a PID is free,
///   RX-2.)
package func startThread(stackSize: Int? = nil, _ work: @escaping @Sendable () -> Void) -> Int32 {
    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    if let stackSize { pthread_attr_setstacksize(&attributes, stackSize) }
    let memory = Unmanaged.passRetained(Work(work))
    var thread = pthread_t()
    let error = pthread_create(
        &thread,
        &attributes,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        },
        memory.toOpaque()
    )
    if error != 0 { memory.release() }
    return error
}
