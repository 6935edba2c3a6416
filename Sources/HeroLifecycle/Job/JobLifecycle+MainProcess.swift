internal import HeroModel

extension JobLifecycle {
    /// Replaces the main process: the program forked, and its PID file or `MAINPID` names the new main process.
    ///
    /// The execution and the start stay the same. A stop that is in progress signals the new main process.
    mutating func handleMainProcessReplaced(_ process: ProcessIdentity, _ context: Context) -> [JobEffect] {
        switch phase {
        case .starting(var starting):
            starting.process = process
            phase = .starting(starting)
        case .ready(var ready):
            ready.process = process
            phase = .ready(ready)
        case .runningOnce(_, let until):
            phase = .runningOnce(process, until: until)
        case .stopping(var stopping):
            guard stopping.process != nil else { return [] }
            stopping.process = process
            phase = .stopping(stopping)
            record.process = process
            return [.signal(process, context.action.stop.signal)]
        case .pending, .preparing, .launching, .backingOff, .finished:
            return []
        }
        record.process = process
        let usesMainPID = context.action.pidFile == nil && context.action.usesNotifySocket
        let source = usesMainPID ? "MAINPID" : "its PID file"
        return [.recordEvent(.info, "its main process is now pid \(process.pid), named by \(source)")]
    }
}
