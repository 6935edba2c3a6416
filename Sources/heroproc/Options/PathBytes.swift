import Glibc

/// The bytes of paths that the user gives to heroproc.
///
/// A Swift text cannot contain bytes that are not UTF-8 and replaces them, so such a path would become another path.
enum PathBytes {
    /// The variables that contain paths of heroproc's own.
    private static let variables = [
        "HEROPROC_DIR", "HEROPROC_STATE", "HEROPROC_SHIM", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
    ]

    /// A message about the first argument or variable that is not UTF-8; nil if there is none.
    static func problem() -> String? {
        for index in 1..<max(Int(CommandLine.argc), 1) {
            guard let argument = CommandLine.unsafeArgv[index], String(validatingCString: argument) == nil else {
                continue
            }
            return "argument \(index) is not valid UTF-8: '\(String(cString: argument))'"
        }
        for name in variables {
            guard let value = getenv(name), String(validatingCString: value) == nil else { continue }
            return "the variable \(name) is not valid UTF-8: '\(String(cString: value))'"
        }
        return nil
    }
}
