import Glibc
import HeroLinux

extension Workspace {
    /// Describes why other users could change the services directory; nil if they cannot.
    var servicesDirectoryFlaw: String? {
        ManifestFiles.trustProblem(in: directory, environment: environment) ?? implicitDirectoryFlaw
    }

    /// Refuses a services directory that other users could change (FS-1).
    ///
    /// Only for commands that apply the manifests; showing a plan is safe.
    func requireTrustedDirectory() throws {
        try requireOwnedDirectory()
        guard let flaw = ManifestFiles.trustProblem(in: directory, environment: environment) else { return }
        throw CommandError(
            "cannot trust the services directory \(displayDirectory): \(flaw)",
            help: "other users could change the services; if this is intended, set HEROPROC_ALLOW_UNSAFE_DIR=1"
        )
    }

    /// Refuses a `./services.d` of another user unless it was selected explicitly.
    func requireOwnedDirectory() throws {
        guard let flaw = implicitDirectoryFlaw else { return }
        throw CommandError(
            "cannot trust the services directory \(displayDirectory): \(flaw)",
            help: "select it with --dir if that user may declare services"
        )
    }

    private var implicitDirectoryFlaw: String? {
        guard isDirectoryImplicit, environment["HEROPROC_ALLOW_UNSAFE_DIR"] != "1" else { return nil }
        var file = stat()
        guard stat(directory, &file) == 0 else { return nil }
        // With sudo, the directory may belong to the calling user.
        let caller = geteuid() == 0 ? environment["SUDO_UID"].flatMap { UInt32($0) } : nil
        guard ![0, geteuid(), caller].contains(file.st_uid) else { return nil }
        return "\(directory): it belongs to the user \(file.st_uid)"
    }
}
