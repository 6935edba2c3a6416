import CHeroRecord
import Glibc
import HeroKernel
import HeroModel

/// The parts of a launch request that the text of a start failure names.
///
/// A reconciler that recovered the start does not have them.
struct StartFailureContext {
    /// The paths that were tried.
    var candidates: [String]
    /// The working directory.
    var workingDirectory: String
    /// The log file.
    var log: String
    /// The script file.
    var script: String
    /// The record file.
    var record: String
    /// The user, group and limits.
    var rights = Rights()
    /// The sandbox; nil without one.
    var sandbox: SandboxPolicy?

    /// Returns the object of a failure and its cause.
    fileprivate func detail(_ number: UInt32, _ stage: StartFailure.Stage, _ error: Int32) -> String? {
        let cause = error == 0 ? "the shim reported no cause" : errorText(error)
        switch stage {
        case .execute: return executionDetail(error, cause)
        case .directory: return "\(workingDirectory): \(cause)\(userSuffix(error))"
        case .log: return "\(log): \(cause)"
        case .script: return "\(script): \(cause)"
        case .record: return "\(record): \(cause)"
        case .limits: return limitText(number).map { "\($0): \(cause)\(rootHint(error))" }
        case .user: return "\(accountText): \(cause)\(rootHint(error))"
        case .priority: return "\(priorityText(number)): \(cause)\(rootHint(error == EACCES ? EPERM : error))"
        case .privileges:
            guard hero_stage(rawValue: number) == HERO_STAGE_CAPABILITIES else { return nil }
            return "\(capabilityText): \(cause)\(rootHint(error))"
        case .sandbox: return "\(sandboxText(number)): \(cause)\(rootHint(error))\(kernelHint(error))"
        case .oomScore: return "\(rights.oomScoreAdjustment ?? 0): \(cause)"
        case .environment, .folder, .launch, .pipe, .notify, .fork, .session, .stdio, .signals: return nil
        }
    }

    private var accountText: String {
        [rights.user.map { "user `\($0)`" }, rights.group.map { "group `\($0)`" }].compactMap { $0 }.joined(
            separator: ", "
        )
    }

    /// A permission error depends on the user, so the text names it.
    private func userSuffix(_ error: Int32) -> String {
        guard error == EACCES, let user = rights.user else { return "" }
        return " as user `\(user)`"
    }

    /// A hint for operations that an ordinary user may not perform at all.
    private func rootHint(_ error: Int32) -> String {
        error == EPERM && geteuid() != 0 ? "; only root may do that" : ""
    }

    private var capabilityText: String {
        "capabilities [\((rights.capabilities ?? []).map(\.description).joined(separator: ", "))]"
    }

    private func priorityText(_ number: UInt32) -> String {
        hero_stage(rawValue: number) == HERO_STAGE_NICE
            ? "nice \(rights.nice ?? 0)" : "io_priority \(rights.ioPriority?.description ?? "")"
    }

    /// The key of the sandbox that failed.
    private func sandboxText(_ number: UInt32) -> String {
        switch hero_stage(rawValue: number) {
        case HERO_STAGE_SANDBOX_READ_ONLY: "read_only"
        case HERO_STAGE_SANDBOX_WRITABLE:
            "writable " + ((sandbox?.writable ?? []).first { access($0, F_OK) != 0 } ?? "")
        case HERO_STAGE_SANDBOX_TMP: "private_tmp"
        case HERO_STAGE_SANDBOX_HIDE: "hide"
        case HERO_STAGE_SANDBOX_NETWORK: "no_network"
        default: "namespaces"
        }
    }

    private func kernelHint(_ error: Int32) -> String {
        error == ENOSYS ? "; it needs Linux 5.12 or later" : ""
    }

    private func limitText(_ number: UInt32) -> String? {
        let key =
            switch hero_stage(rawValue: number) {
            case HERO_STAGE_LIMIT_OPEN_FILES: "nofile"
            case HERO_STAGE_LIMIT_PROCESSES: "nproc"
            case HERO_STAGE_LIMIT_CORE: "core"
            case HERO_STAGE_LIMIT_MEMORY: "address_space"
            case HERO_STAGE_LIMIT_LOCKED_MEMORY: "memlock"
            case HERO_STAGE_LIMIT_FILE_SIZE: "fsize"
            case HERO_STAGE_LIMIT_STACK: "stack"
            default: ""
            }
        if hero_stage(rawValue: number) == HERO_STAGE_CGROUP { return "its cgroup" }
        guard let kind = ResourceLimits.processKinds.first(where: { $0.key == key }) else { return nil }
        return "\(key) \(kind.text(in: rights.limits) ?? "")"
    }

    /// Where a relative path was looked up; empty for other paths.
    private var relativePathHint: String {
        guard let path = candidates.first, candidates.count == 1, !path.hasPrefix("/") else { return "" }
        guard workingDirectory == "/" else { return "; `\(path)` is relative to its `cwd`" }
        return "; `\(path)` is relative, and its working directory is / because no `cwd` is given"
    }

    /// The kernel reports the same error for a missing program and a missing interpreter (SP-6).
    private func executionDetail(_ error: Int32, _ cause: String) -> String {
        let hint = relativePathHint
        // The program looks from its working directory, not from that of this process.
        let candidates = candidates.map { path in
            path.hasPrefix("/") ? path : RuntimePaths.normalized("\(workingDirectory)/\(path)")
        }
        guard let path = candidates.first(where: { access($0, F_OK) == 0 }) ?? candidates.first else { return cause }
        var file = stat()
        let isThere = stat(path, &file) == 0
        switch error {
        case ENOENT where isThere, ENOEXEC where isThere:
            return "\(path): \(Self.textProblem(path, error) ?? cause)"
        case EACCES where isThere && file.st_mode & S_IFMT == S_IFDIR: return "\(path): it is a directory"
        case EACCES where isThere && file.st_mode & 0o111 == 0:
            return "\(path): it is not executable; run `chmod +x \(path)`"
        case EACCES where isThere: return "\(path): \(cause)\(userSuffix(error))"
        default: break
        }
        guard candidates.count > 1, let name = candidates.first?.split(separator: "/").last else {
            return "\(path): \(cause)\(hint)\(Self.oneWordHint(path, error))"
        }
        let folders = candidates.map { $0.split(separator: "/").dropLast().joined(separator: "/") }
        let place = folders.map { "/" + $0 }.joined(separator: ":")
        return "\(name) in \(place): \(cause)\(Self.oneWordHint(String(name), error))"
    }

    /// Why the kernel does not execute a file that exists; nil when its first bytes do not tell.
    private static func textProblem(_ path: String, _ error: Int32) -> String? {
        guard let bytes = readFile(path, limit: ProgramText.length) else { return nil }
        switch ProgramText(bytes) {
        case .empty: return "it is empty"
        case .script(let name, hasCarriageReturn: true):
            return "its lines end with CR LF, and no interpreter is called `\(name)` and a carriage return; "
                + "convert them to LF"
        case .script(let name, hasCarriageReturn: false):
            return error == ENOENT ? "its interpreter\(name.isEmpty ? "" : " " + name) does not exist" : nil
        case .markedScript: return "a byte order mark is before its `#!`; save it as UTF-8 without one"
        case .text where error == ENOEXEC:
            return "it is text without a `#!` line; begin it with `#!/bin/sh`, or with another interpreter"
        case .text, .binary: return error == ENOENT ? "its loader or a part of it does not exist" : nil
        }
    }

    /// A hint for a program with its arguments in one text; empty for other programs.
    private static func oneWordHint(_ program: String, _ error: Int32) -> String {
        let words = program.split(separator: " ")
        guard error == ENOENT, words.count > 1 else { return "" }
        return "; all of `\(program)` is the name of a program: write `[\(words.joined(separator: ", "))]`"
    }
}

/// Returns a start failure with its text, from the numbers of a record.
func makeStartFailure(_ number: UInt32, _ error: Int32, _ context: StartFailureContext?) -> StartFailure {
    let stage: StartFailure.Stage =
        switch hero_stage(rawValue: number) {
        case HERO_STAGE_RECORD: .record
        case HERO_STAGE_LOG: .log
        case HERO_STAGE_PIPE: .pipe
        case HERO_STAGE_NOTIFY: .notify
        case HERO_STAGE_SCRIPT: .script
        case HERO_STAGE_FORK: .fork
        case HERO_STAGE_SESSION: .session
        case HERO_STAGE_STDIO: .stdio
        case HERO_STAGE_LIMITS: .limits
        case HERO_STAGE_CGROUP: .limits
        case HERO_STAGE_LIMIT_OPEN_FILES, HERO_STAGE_LIMIT_PROCESSES, HERO_STAGE_LIMIT_CORE, HERO_STAGE_LIMIT_MEMORY,
            HERO_STAGE_LIMIT_LOCKED_MEMORY, HERO_STAGE_LIMIT_FILE_SIZE, HERO_STAGE_LIMIT_STACK:
            .limits
        case HERO_STAGE_NICE, HERO_STAGE_IO_PRIORITY: .priority
        case HERO_STAGE_OOM_SCORE: .oomScore
        case HERO_STAGE_USER: .user
        case HERO_STAGE_PRIVILEGES, HERO_STAGE_CAPABILITIES: .privileges
        case HERO_STAGE_SANDBOX, HERO_STAGE_SANDBOX_READ_ONLY, HERO_STAGE_SANDBOX_WRITABLE, HERO_STAGE_SANDBOX_TMP,
            HERO_STAGE_SANDBOX_HIDE, HERO_STAGE_SANDBOX_NETWORK:
            .sandbox
        case HERO_STAGE_DIRECTORY: .directory
        case HERO_STAGE_SIGNALS: .signals
        case HERO_STAGE_EXECUTE, HERO_STAGE_STRICT: .execute
        default: .launch
        }
    let cause = error == 0 ? "the shim reported no cause" : errorText(error)
    let detail =
        hero_stage(rawValue: number) == HERO_STAGE_STRICT
        ? TrustedProgram.refusalText(context?.candidates ?? [], in: context?.workingDirectory ?? "/")
        : context?.detail(number, stage, error) ?? cause
    return StartFailure(stage: stage, errno: error, detail: detail)
}
