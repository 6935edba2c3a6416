/// Threads for work that may block and must not delay the caller.
public enum BackgroundThread {
    /// Runs a closure on a new thread.
    ///
    /// - Returns: 0, or the errno if no thread can be created.
    public static func start(_ work: @escaping @Sendable () -> Void) -> Int32 { startThread(work) }
}
