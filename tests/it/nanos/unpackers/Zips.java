// Java's view of archives. First writes some of the folder it is given, then reads those it is told of on standard
// input, one a line, with both of Java's readers. For each file a line: reader, archive, name (hex), SHA-256.

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Scanner;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

public class Zips {
    static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        Path source = Path.of(args[0]);
        Path target = Path.of(args[1]);
        write(source, target.resolve("Java ZipOutputStream.zip"), false);
        write(source, target.resolve("Java ZipOutputStream, stored.zip"), true);
        ToolProvider jar = ToolProvider.findFirst("jar").orElseThrow();
        for (String options : List.of("cMf", "cM0f")) {
            String name = options.equals("cMf") ? "Java jar.zip" : "Java jar, stored.zip";
            if (jar.run(System.err, System.err, options, target.resolve(name).toString(), "-C", source.toString(), ".") != 0) {
                throw new IOException("jar cannot write " + name);
            }
        }
        OUT.println("written");
        OUT.flush();
        Scanner lines = new Scanner(System.in, StandardCharsets.UTF_8);
        while (lines.hasNextLine()) {
            String archive = lines.nextLine();
            file(archive);
            stream(archive);
        }
        OUT.println("read");
        OUT.flush();
    }

    static void write(Path source, Path target, boolean stored) throws IOException {
        try (OutputStream file = Files.newOutputStream(target);
                ZipOutputStream zip = new ZipOutputStream(file);
                Stream<Path> paths = Files.walk(source)) {
            for (Path path : (Iterable<Path>) paths.sorted()::iterator) {
                String name = source.relativize(path).toString();
                if (name.isEmpty()) {
                    continue;
                }
                boolean folder = Files.isDirectory(path);
                byte[] content = folder ? new byte[0] : Files.readAllBytes(path);
                ZipEntry entry = new ZipEntry(folder ? name + "/" : name);
                if (stored || folder) {
                    CRC32 crc = new CRC32();
                    crc.update(content);
                    entry.setMethod(ZipEntry.STORED);
                    entry.setSize(content.length);
                    entry.setCrc(crc.getValue());
                }
                zip.putNextEntry(entry);
                zip.write(content);
                zip.closeEntry();
            }
        }
    }

    static void file(String archive) throws Exception {
        try (ZipFile zip = new ZipFile(archive)) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                try (InputStream content = zip.getInputStream(entry)) {
                    say("Java ZipFile", archive, entry, content);
                }
            }
        }
    }

    static void stream(String archive) throws Exception {
        try (ZipInputStream zip = new ZipInputStream(Files.newInputStream(Path.of(archive)))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                say("Java ZipInputStream", archive, entry, zip);
            }
        }
    }

    static void say(String reader, String archive, ZipEntry entry, InputStream content) throws Exception {
        HexFormat hex = HexFormat.of();
        String name = hex.formatHex(entry.getName().getBytes(StandardCharsets.UTF_8));
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(content.readAllBytes());
        OUT.println(String.join("\t", reader, archive, name, hex.formatHex(hash)));
    }
}
