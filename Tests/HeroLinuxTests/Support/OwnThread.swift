import Dispatch
import Testing

/// Runs blocking tests on threads of their own, four at a time.
///
/// On the threads of the common pool they would block the tasks of other suites.
struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        let executor = ThreadExecutor()
        try await withTaskExecutorPreference(executor) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    static var ownThread: Self { OwnThread() }
}

private final class ThreadExecutor: TaskExecutor {
    private static let gate = DispatchSemaphore(value: 4)
    private let queue = DispatchQueue(label: "heroproc.test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async {
            Self.gate.wait()
            job.runSynchronously(on: self.asUnownedTaskExecutor())
            Self.gate.signal()
        }
    }
}
