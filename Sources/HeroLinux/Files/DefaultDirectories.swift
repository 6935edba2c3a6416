import Glibc

/// The directories that are used when neither an option nor a variable names one.
public enum DefaultDirectories {
    /// The services directory: `./services.d` if it exists, else that of the system or of the user.
    public static func services(_ environment: [String: String]) -> String {
        var file = stat()
        if stat("services.d", &file) == 0, file.st_mode & S_IFMT == S_IFDIR { return "services.d" }
        if geteuid() == 0 { return "/etc/heroproc/services.d" }
        return userDirectory("XDG_CONFIG_HOME", ".config", environment) + "/heroproc/services.d"
    }

    /// The state directory of the system or of the user.
    public static func state(_ environment: [String: String]) -> String {
        if geteuid() == 0 { return "/var/lib/heroproc" }
        return userDirectory("XDG_STATE_HOME", ".local/state", environment) + "/heroproc"
    }

    /// A base directory of the XDG specification, which ignores relative paths.
    private static func userDirectory(_ name: String, _ usual: String, _ environment: [String: String]) -> String {
        if let value = environment[name], value.hasPrefix("/") { return value }
        return environment["HOME", default: "/"] + "/" + usual
    }
}
