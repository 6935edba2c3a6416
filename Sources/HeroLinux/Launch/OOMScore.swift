import CHeroLinux
import Glibc

/// The out-of-memory scores of this process and of the processes it starts (oom_score_adj, proc_pid_oom_score_adj(5)).
///
/// A reconciler of root makes itself one of the last candidates of the kernel (OM-2). The programs it starts must not
/// inherit that: they start with 0, or with the score of heroproc if that was higher when it was started.
struct OOMScore: Hashable {
    /// The score of programs whose manifest sets none; nil if the inherited score is right.
    var ofPrograms: Int?

    private static let path = "/proc/self/oom_score_adj"
    private static let reconcilerScore = -900

    /// Programs inherit the score of this process.
    init() {}

    /// Lowers the score of this process if it is a reconciler of root.
    init(isReconciler: Bool) {
        let before = readText(Self.path).flatMap { Int($0.trimmed) } ?? 0
        if isReconciler, geteuid() == 0, before > Self.reconcilerScore { Self.write(Self.reconcilerScore) }
        let now = readText(Self.path).flatMap { Int($0.trimmed) } ?? 0
        ofPrograms = Self.programScore(startedWith: before, now: now)
    }

    /// Returns the score to set for programs, from the scores that the reconciler was started with and has now.
    static func programScore(startedWith before: Int, now: Int) -> Int? {
        let usual = max(0, before)
        return now == usual ? nil : usual
    }

    private static func write(_ score: Int) {
        let number = open(path, O_WRONLY | O_CLOEXEC)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        let text = Array(String(score).utf8)
        // Without the permission to lower the score, as in a container, it stays as it is.
        _ = Glibc.write(file.number, text, text.count)
    }

    /// Sets the score of a command.
    func put(into command: inout hl_command) {
        guard let ofPrograms else { return }
        command.sets_oom_score = 1
        command.oom_score = Int32(clamping: ofPrograms)
    }
}
