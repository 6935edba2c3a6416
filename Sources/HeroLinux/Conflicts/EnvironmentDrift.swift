import Glibc
public import HeroModel

/// Changes of environment files since a program was started.
public enum EnvironmentDrift {
    /// Returns the files that were written, replaced or removed after a program was started.
    ///
    /// The file times decide: no digest of a possibly secret value is stored anywhere (SE-1). As a consequence, a file
    /// that was only touched counts as changed.
    ///
    /// - Parameters:
    ///   - files: Environment files and files that hold one value. An optional one that is missing counts as unchanged,
    ///     because nothing records whether it existed at the start.
    ///   - start: When the program was executed; its environment was read just before.
    /// - Returns: The changed paths, in their order.
    public static func changedFiles(_ files: [EnvironmentFileReference], since start: WallTime) -> [String] {
        files.filter { reference in
            var file = stat()
            guard stat(reference.path, &file) == 0 else {
                return (errno == ENOENT || errno == ENOTDIR) && !reference.isOptional
            }
            return microseconds(file.st_mtim) > start.microseconds || microseconds(file.st_ctim) > start.microseconds
        }.map(\.path)
    }

    private static func microseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec) / 1000
    }
}
