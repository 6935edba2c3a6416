import CHeroLinux
import Glibc

/// How readily the kernel ends what is started here when memory runs out (oom_score_adj, proc_pid_oom_score_adj(5)).
///
/// A reconciler of root is among the last to go (reliability.md OM-2); what it starts must not take after it. That begins at 0,
/// or at what heroproc itself was started with where that is more: whoever starts heroproc may make all of it readier to go.
struct OOMScore: Hashable {
    /// What a program begins with that is told nothing else; nil: what it takes after us is right.
    var ofPrograms: Int?

    private static let path = "/proc/self/oom_score_adj"
    private static let reconcilerScore = -900

    /// Nothing is known: programs take after us.
    init() {}

    /// Makes this process one of the last to go, if it is a reconciler of root and may.
    init(isReconciler: Bool) {
        let before = readText(Self.path).flatMap { Int($0.trimmed) } ?? 0
        if isReconciler, geteuid() == 0, before > Self.reconcilerScore { Self.write(Self.reconcilerScore) }
        let now = readText(Self.path).flatMap { Int($0.trimmed) } ?? 0
        ofPrograms = Self.programScore(startedWith: before, now: now)
    }

    /// What programs begin with below a reconciler that was started with one score and has another now.
    static func programScore(startedWith before: Int, now: Int) -> Int? {
        let usual = max(0, before)
        return now == usual ? nil : usual
    }

    private static func write(_ score: Int) {
        let number = open(path, O_WRONLY | O_CLOEXEC)
        guard number >= 0 else { return }
        let file = Descriptor(number)
        let text = Array(String(score).utf8)
        // A container without the right to it goes as it was started.
        _ = Glibc.write(file.number, text, text.count)
    }

    /// Lets a command begin with it.
    func put(into command: inout hl_command) {
        guard let ofPrograms else { return }
        command.sets_oom_score = 1
        command.oom_score = Int32(clamping: ofPrograms)
    }
}
