import CHeroRecord
import CHeroShim

extension Spec {
    /// The capabilities and the sandbox of the program.
    var confinement: shim_confinement {
        shim_confinement(
            capabilities: header.capabilities,
            limits_capabilities: header.limits_capabilities,
            sandbox: header.sandbox,
            writable: string(header.sandbox.writable),
            hidden: string(header.sandbox.hidden),
            script: scriptPath,
            notify_socket: notifySocket
        )
    }

    /// Whether the lists of the sandbox are short lists of absolute paths.
    func hasValidConfinement() -> Bool {
        let sandbox = header.sandbox
        return header.limits_capabilities <= 1 && sandbox.flags < HERO_SANDBOX_END.rawValue
            && isPathList(sandbox.writable, sandbox.writable_count) && isPathList(sandbox.hidden, sandbox.hidden_count)
    }

    private func isPathList(_ offset: UInt32, _ count: UInt32) -> Bool {
        guard count <= UInt32(HERO_SANDBOX_MAX_PATHS), isStringList(offset, count) else { return false }
        var next = offset
        for _ in 0..<Int(count) {
            guard isAbsolutePath(next) else { return false }
            next += UInt32(truncatingIfNeeded: shim_length(string(next))) + 1
        }
        return true
    }
}
