import Glibc
import HeroKernel
import HeroModel

/// Whether nobody but those who are trusted can change what is executed (reliability.md FS-4, FS-5).
enum TrustedProgram {
    /// What a stranger could do to a program that is executed as root, in words; nil where nothing is wrong.
    ///
    /// One that runs as another user is that one's own affair.
    static func problem(_ launch: ResolvedLaunch) -> String? {
        guard geteuid() == 0, (launch.account?.uid ?? 0) == 0 else { return nil }
        let paths = launch.candidates.map { absolutePath($0, in: launch.request.workingDirectory) }
        var file = stat()
        guard let path = paths.first(where: { access($0, X_OK) == 0 }), stat(path, &file) == 0 else { return nil }
        do {
            try TrustedPath.check(path)
            try TrustedPath.checkOwner(file, path, TrustedPath.trustedOwners)
        } catch {
            return error.text
        }
        return TrustedPath.isWritableByOthers(file, path) ? "\(path): others may write to it" : nil
    }

    /// The candidates that may be tried where `strict_exec` holds: up to the first that is there.
    ///
    /// Those before it count as well: whoever may put a program there decides what is executed. Of the program itself the
    /// shim, which executes no other file than the one that it looks at, thinks the same.
    /// - Parameters:
    ///   - candidates: In their order; relative ones count from a directory.
    ///   - directory: Absolute.
    /// - Returns: The first of them, at least as many as are needed to execute one.
    /// - Throws: A failed execution, which names the first part that somebody else could change.
    static func trustedCandidates(_ candidates: [String], in directory: String) throws(StartError) -> [String] {
        var judged: [String] = []
        for candidate in candidates {
            judged.append(candidate)
            do {
                if try isTrustedExecutable(absolutePath(candidate, in: directory)) { break }
            } catch {
                throw StartError(.execute, EPERM, problemText(error))
            }
        }
        return judged
    }

    /// Why the shim did not execute any of these, in words.
    ///
    /// Its own reason was only that somebody else could; by now another file may stand there.
    static func refusalText(_ candidates: [String], in directory: String) -> String {
        do {
            for path in candidates.map({ absolutePath($0, in: directory) }) where try isTrustedExecutable(path) {
                return problemText(
                    TrustedPath.Problem(path: path, cause: "another file stood there when it was to be executed")
                )
            }
        } catch {
            return problemText(error)
        }
        return "`strict_exec` refuses it: somebody else could change it"
    }

    /// Whether there is a program, which nobody else can change.
    private static func isTrustedExecutable(_ path: String) throws(TrustedPath.Problem) -> Bool {
        try TrustedPath.check(path)
        var file = stat()
        guard stat(path, &file) == 0, file.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else { return false }
        try TrustedPath.checkOwner(file, path, [0, geteuid()])
        // No group is anybody's own here, and no mount makes up for it: the shim cannot know of either.
        guard file.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw TrustedPath.Problem(path: path, cause: "others may write to it; run `chmod go-w` on it")
        }
        return true
    }

    private static func problemText(_ flaw: TrustedPath.Problem) -> String {
        let own = geteuid()
        let trusted = own == 0 ? "only root" : "only root and the user \(own)"
        return "`strict_exec` refuses \(flaw.text): \(trusted) may be able to change what is executed"
    }

    private static func absolutePath(_ candidate: String, in directory: String) -> String {
        candidate.hasPrefix("/") ? candidate : directory + "/" + candidate
    }
}
