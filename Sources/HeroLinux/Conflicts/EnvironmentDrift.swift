import Glibc
public import HeroModel

/// What has become of the files of an environment since a program was started with them.
public enum EnvironmentDrift {
    /// The files that were written, replaced or removed after a program had started.
    ///
    /// Told from their times alone: no digest of what may be a secret is kept anywhere (reliability.md SE-1). The price is that a
    /// file which was only touched counts as changed.
    ///
    /// - Parameters:
    ///   - paths: Absolute paths of files of variables and of files that hold one value.
    ///   - start: When the program executed; its environment was read just before.
    /// - Returns: Those of the paths that changed, in their order.
    public static func changedFiles(_ paths: [String], since start: WallTime) -> [String] {
        paths.filter { path in
            var file = stat()
            guard stat(path, &file) == 0 else { return errno == ENOENT || errno == ENOTDIR }
            return microseconds(file.st_mtim) > start.microseconds || microseconds(file.st_ctim) > start.microseconds
        }
    }

    private static func microseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000
    }
}
