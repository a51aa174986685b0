from django.db import migrations, models


def first_item(apps, editor):
    apps.get_model("shop", "Item").objects.create(name="tea", price="2.50")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=40, unique=True)),
                ("price", models.DecimalField(decimal_places=2, max_digits=8)),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("placed", models.DateTimeField(auto_now_add=True)),
                ("items", models.ManyToManyField(to="shop.item")),
            ],
        ),
        migrations.RunPython(first_item),
    ]
