import HeroModel

extension JobLifecycle {
    /// Its program has forked away: from here on the process that its PID file names, or that it named itself, is the one
    /// that counts.
    ///
    /// It is the same execution of the same start; whoever was to end it ends the new one.
    mutating func handleMainProcessReplaced(_ process: ProcessIdentity, _ context: Context) -> [JobEffect] {
        switch phase {
        case .starting(var starting):
            starting.process = process
            phase = .starting(starting)
        case .ready(var up):
            up.process = process
            phase = .ready(up)
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
        let isSaid = context.action.pidFile == nil && context.action.usesNotifySocket
        let source = isSaid ? "it says itself" : "says its PID file"
        return [.recordEvent(.info, "went on as pid \(process.pid), \(source)")]
    }
}
