import Glibc
import HeroGit
import HeroLinux
import HeroModel
import HeroReconciler
import HeroStore

/// The helper process that fetches a followed repository.
///
/// The reconciler starts it as `heroproc follow-git NAME=VALUE...` and reads its report from its standard output.
enum RepositoryHelper {
    static let subcommand = "follow-git"

    /// The arguments of the process.
    static func arguments(_ options: FollowOptions, state: String, applied: String?) -> [String] {
        let values: [(String, String?)] = [
            ("state", state), ("repository", options.address.text), ("ref", options.ref), ("path", options.path),
            ("applied", applied), ("allowed-signers", options.allowedSigners), ("revoked", options.revokedKeys),
            ("verify-all", options.verifiesAll ? "yes" : nil), ("identity", options.identity),
            ("known-hosts", options.knownHosts), ("token-file", options.tokenFile),
        ]
        return [subcommand] + values.compactMap { name, value in value.map { "\(name)=\($0)" } }
    }

    /// Fetches, and prints the report.
    static func run(_ arguments: [String], environment: [String: String]) -> Int32 {
        var values: [String: String] = [:]
        for argument in arguments {
            guard let equals = argument.firstIndex(of: "=") else { return EX_USAGE }
            values[String(argument[..<equals])] = String(argument[argument.index(after: equals)...])
        }
        guard let state = values["state"], let repository = values["repository"], let ref = values["ref"],
            let path = values["path"], var options = try? FollowOptions(repository: repository, ref: ref, path: path)
        else { return EX_USAGE }
        options.allowedSigners = values["allowed-signers"]
        options.revokedKeys = values["revoked"]
        options.verifiesAll = values["verify-all"] != nil
        options.identity = values["identity"]
        options.knownHosts = values["known-hosts"]
        options.tokenFile = values["token-file"]
        // A pack or a file that is larger than this fails before it fills the disk.
        var limit = rlimit(rlim_cur: 2 << 30, rlim_max: 2 << 30)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        umask(0o077)
        let fetch = RepositoryFetch(state: state, options, applied: values["applied"], environment: environment)
        let paths = RuntimePaths.resolve(state: state, environment: [:])
        let report = fetch.run(commitsInUse: { try? StateReader(path: paths.database)?.commitsInUse() })
        let bytes = ControlCoding.bytes(report)
        return write(STDOUT_FILENO, bytes, bytes.count) == bytes.count ? 0 : 1
    }
}
