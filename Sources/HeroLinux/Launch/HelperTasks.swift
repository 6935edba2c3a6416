import Glibc
import HeroModel

/// Runs helper programs that may wait for ever, without blocking the event loop.
///
/// A task that does not end in time is killed. While its process still exists, because its file system does not respond,
/// no other task of the same name is started.
final class HelperTasks {
    /// Identifies a running task, for `cancel`.
    typealias TaskID = UInt64

    /// Why there is no reply: an errno and a text.
    struct Failure: Error {
        var number: Int32
        var cause: String
    }

    /// The time limit of a task.
    static let timeout = Duration.seconds(5)

    private struct Task {
        var name: String
        var process: HelperProgram.Running
        var replyBytes: [UInt8] = []
        var completion: (Result<[UInt8], Failure>) -> Void
        /// Whether it only waits for the end of its process.
        var isEnding = false
        /// Whether it was killed because it had not ended in time.
        var isStuck = false
    }

    private let reactor: Reactor
    private let program: HelperProgram
    private var tasks: [TaskID: Task] = [:]
    private var lastID: TaskID = 0

    init(_ reactor: Reactor, _ program: HelperProgram) {
        self.reactor = reactor
        self.program = program
    }

    /// Whether a PID belongs to a task, which is reaped by `handleExit`.
    func isTaskProcess(_ pid: Int32) -> Bool { tasks.values.contains { $0.process.pid == pid } }

    /// Starts a task.
    ///
    /// - Parameters:
    ///   - name: What it is for, such as a job.
    ///   - arguments: The arguments of heroproc.
    ///   - completion: Called exactly once, unless the task is cancelled.
    /// - Returns: The ID for `cancel`; nil if `completion` was called already.
    func start(
        _ name: String,
        _ arguments: [String],
        completion: @escaping (Result<[UInt8], Failure>) -> Void
    ) -> TaskID? {
        guard !tasks.values.contains(where: { $0.isStuck && $0.name == name }) else {
            completion(
                .failure(Failure(number: ETIMEDOUT, cause: "an earlier attempt was killed and has not ended yet"))
            )
            return nil
        }
        var error: Int32 = 0
        guard let process = program.start(arguments, &error) else {
            completion(
                .failure(Failure(number: error, cause: "\(program.path) cannot be started: \(errorText(error))"))
            )
            return nil
        }
        lastID += 1
        let id = lastID
        tasks[id] = Task(name: name, process: process, completion: completion)
        guard reactor.watch(process.replyPipe.number, EventSource(.helperTask, id)),
            reactor.watch(process.pidfd.number, EventSource(.helperTaskExit, id))
        else {
            let number = errno
            reactor.unwatch(process.replyPipe.number)
            process.kill()
            // The exit of this process cannot be watched, so it is reaped like an orphan.
            tasks[id] = nil
            completion(.failure(Failure(number: number, cause: errorText(number))))
            return nil
        }
        reactor.setTimer(EventSource(.helperTask, id), at: reactor.now + Self.timeout)
        return id
    }

    /// Kills a task without calling its completion.
    func cancel(_ id: TaskID) { end(id, isStuck: false) }

    /// The reply pipe is readable or closed.
    func readReply(_ id: TaskID) {
        guard var task = tasks[id], !task.isEnding else { return }
        let isOpen = task.process.read(into: &task.replyBytes)
        tasks[id] = task
        guard !isOpen else { return }
        end(id, isStuck: false)
        task.completion(.success(task.replyBytes))
    }

    /// A task has reached its time limit.
    func handleTimeout(_ id: TaskID) {
        // The event loop itself may have been delayed: a reply that is available now counts as in time.
        readReply(id)
        guard let task = tasks[id], !task.isEnding else { return }
        end(id, isStuck: true)
        let limit = Canonical.duration(Self.timeout)
        task.completion(.failure(Failure(number: ETIMEDOUT, cause: "the file system did not respond within \(limit)")))
    }

    /// The process of a task has ended.
    func handleExit(_ id: TaskID) {
        readReply(id)
        guard let task = tasks[id], task.process.reap() else { return }
        if !task.isEnding { end(id, isStuck: false) }
        reactor.unwatch(task.process.pidfd.number)
        tasks[id] = nil
        if !task.isEnding {
            task.completion(.failure(Failure(number: EAGAIN, cause: "the helper process ended without a result")))
        }
    }

    private func end(_ id: TaskID, isStuck: Bool) {
        guard let task = tasks[id], !task.isEnding else { return }
        tasks[id]?.isEnding = true
        tasks[id]?.isStuck = isStuck
        reactor.cancelTimer(EventSource(.helperTask, id))
        reactor.unwatch(task.process.replyPipe.number)
        task.process.kill()
    }
}
