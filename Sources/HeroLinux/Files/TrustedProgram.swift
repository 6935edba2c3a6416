import Glibc
import HeroKernel
import HeroModel

/// Checks that only trusted users can change a program that is executed (FS-4, FS-5).
enum TrustedProgram {
    /// Returns how an untrusted user could change a program that is executed as root; nil if none can.
    ///
    /// A program that runs as another user is not checked.
    static func problem(_ launch: ResolvedLaunch) -> String? {
        guard geteuid() == 0, (launch.account?.uid ?? 0) == 0 else { return nil }
        let paths = launch.candidates.map { absolutePath($0, in: launch.request.workingDirectory) }
        guard let path = paths.first(where: { access($0, X_OK) == 0 }), let file = FileFacts.following(path) else {
            return nil
        }
        do throws(PathProblem) {
            let pathTrust = PathTrust.current
            try pathTrust.check(path)
            try pathTrust.trust.checkProgram(file, path)
            return nil
        } catch {
            return error.text
        }
    }

    /// Returns the candidates that `strict_exec` allows: those up to the first that exists.
    ///
    /// The candidates before it are checked too, because a user who can create one of them decides what is executed.
    /// The shim checks the program itself again when it opens it for execution.
    /// - Parameters:
    ///   - candidates: The candidates in their order; relative ones are relative to `directory`.
    ///   - directory: An absolute path.
    /// - Returns: The first candidates, up to the one that will be executed.
    /// - Throws: A failed execution that names the first part that another user could change.
    static func trustedCandidates(_ candidates: [String], in directory: String) throws(StartError) -> [String] {
        var checked: [String] = []
        for candidate in candidates {
            checked.append(candidate)
            do throws(PathProblem) {
                if try isTrustedExecutable(absolutePath(candidate, in: directory)) { break }
            } catch {
                throw StartError(.execute, EPERM, refusalText(error))
            }
        }
        return checked
    }

    /// Returns why the shim executed none of these candidates.
    ///
    /// The shim reports only that another user could change the program; by now another file may exist at the path.
    static func refusalText(_ candidates: [String], in directory: String) -> String {
        do throws(PathProblem) {
            for path in candidates.map({ absolutePath($0, in: directory) }) where try isTrustedExecutable(path) {
                return refusalText(
                    PathProblem(path: path, cause: "another file was at this path when it was to be executed")
                )
            }
        } catch {
            return refusalText(error)
        }
        return "`strict_exec` refuses it: another user could change it"
    }

    /// Whether a path is an executable file; throws if an untrusted user could change it.
    private static func isTrustedExecutable(_ path: String) throws(PathProblem) -> Bool {
        let pathTrust = PathTrust.current
        try pathTrust.check(path)
        guard let file = FileFacts.following(path), file.kind == .regular, access(path, X_OK) == 0 else { return false }
        try pathTrust.trust.checkStrictProgram(file, path)
        return true
    }

    private static func refusalText(_ problem: PathProblem) -> String {
        let user = geteuid()
        let trusted = user == 0 ? "only root" : "only root and the user \(user)"
        return "`strict_exec` refuses \(problem.text): \(trusted) may be able to change the executed program"
    }

    private static func absolutePath(_ candidate: String, in directory: String) -> String {
        candidate.hasPrefix("/") ? candidate : directory + "/" + candidate
    }
}
