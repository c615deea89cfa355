package flowstitch.athena;

import static io.trino.testing.TestingSession.testSessionBuilder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.inject.multibindings.MapBinder;
import io.trino.Session;
import io.trino.filesystem.TrinoFileSystemFactory;
import io.trino.filesystem.local.LocalFileSystemFactory;
import io.trino.plugin.deltalake.DeltaLakeConnectorFactory;
import io.trino.spi.Plugin;
import io.trino.spi.connector.Connector;
import io.trino.spi.connector.ConnectorContext;
import io.trino.spi.connector.ConnectorFactory;
import io.trino.spi.type.TimeZoneKey;
import io.trino.spi.type.Type;
import io.trino.testing.DistributedQueryRunner;
import io.trino.testing.MaterializedResult;
import io.trino.testing.MaterializedRow;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One Trino with a Delta Lake connector over a metastore of files. Reads a statement a line from standard
 * input, JSON with sql and schema, and answers each with a line of JSON on standard output: columns
 * (name, type) and rows, or error. Ends at the end of input.
 *
 * <p>Arguments: name of the catalog, the folder that is local:/// to it, then properties of the connector as
 * name=value.
 */
public final class TrinoProcess {
  private static final ObjectMapper JSON = new ObjectMapper();

  private TrinoProcess() {}

  public static void main(String[] arguments) throws Exception {
    // Trino's logging takes System.out over.
    PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    String catalog = arguments[0];
    Map<String, String> properties = new HashMap<>();
    for (int i = 2; i < arguments.length; i++) {
      int equals = arguments[i].indexOf('=');
      properties.put(arguments[i].substring(0, equals), arguments[i].substring(equals + 1));
    }
    Session session =
        testSessionBuilder().setCatalog(catalog).setTimeZoneKey(TimeZoneKey.UTC_KEY).build();
    try (DistributedQueryRunner trino = DistributedQueryRunner.builder(session).setWorkerCount(0).build()) {
      trino.installPlugin(new DeltaPlugin(Path.of(arguments[1])));
      trino.createCatalog(catalog, "delta_lake", properties);
      BufferedReader statements = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = statements.readLine(); line != null; line = statements.readLine()) {
        answers.println(JSON.writeValueAsString(answer(trino, JSON.readTree(line))));
      }
    }
    // Threads of the engine that are not daemons would keep the process.
    System.exit(0);
  }

  private static ObjectNode answer(DistributedQueryRunner trino, JsonNode statement) {
    ObjectNode answer = JSON.createObjectNode();
    try {
      Session session =
          Session.builder(trino.getDefaultSession()).setSchema(statement.get("schema").asText()).build();
      MaterializedResult result = trino.execute(session, statement.get("sql").asText());
      ArrayNode columns = answer.putArray("columns");
      ArrayNode rows = answer.putArray("rows");
      if (result.getUpdateType().isPresent()) {
        return answer;
      }
      List<String> names = result.getColumnNames();
      List<Type> types = result.getTypes();
      for (int i = 0; i < types.size(); i++) {
        String name = i < names.size() ? names.get(i) : "";
        columns.addObject().put("name", name).put("type", types.get(i).getDisplayName());
      }
      for (MaterializedRow row : result.getMaterializedRows()) {
        rows.add(values(row.getFields()));
      }
    } catch (RuntimeException failure) {
      StringBuilder message = new StringBuilder();
      for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
        message.append(message.length() == 0 ? "" : ": ").append(cause.getMessage());
      }
      answer.put("error", message.toString());
    }
    return answer;
  }

  private static ArrayNode values(List<?> fields) {
    ArrayNode values = JSON.createArrayNode();
    for (Object field : fields) {
      values.add(value(field));
    }
    return values;
  }

  /** Numbers above 2^53 would not survive JSON: whole ones of 64 bits go as text, as does all that is no number. */
  private static JsonNode value(Object field) {
    if (field instanceof List) {
      return values((List<?>) field);
    }
    if (field instanceof MaterializedRow) {
      return values(((MaterializedRow) field).getFields());
    }
    if (field == null || field instanceof Boolean || field instanceof Integer || field instanceof Double) {
      return JSON.valueToTree(field);
    }
    return JSON.valueToTree(field.toString());
  }

  /** The connector as it is, with one folder of this machine beside S3. */
  private record DeltaPlugin(Path root) implements Plugin, ConnectorFactory {
    @Override
    public Iterable<ConnectorFactory> getConnectorFactories() {
      return List.of(this);
    }

    @Override
    public String getName() {
      return "delta_lake";
    }

    @Override
    public Connector create(String catalog, Map<String, String> properties, ConnectorContext context) {
      return DeltaLakeConnectorFactory.createConnector(
          catalog,
          properties,
          context,
          Optional.empty(),
          binder ->
              MapBinder.newMapBinder(binder, String.class, TrinoFileSystemFactory.class)
                  .addBinding("local")
                  .toInstance(new LocalFileSystemFactory(root)));
    }
  }
}
