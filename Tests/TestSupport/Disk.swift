import Glibc

/// Fills the file system of a new file to the last byte.
public func fillDisk(_ path: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    for size in [1 << 16, 4096, 1] {
        let zeros = [UInt8](repeating: 0, count: size)
        while write(file, zeros, size) > 0 {}
    }
    fsync(file)
    close(file)
}
